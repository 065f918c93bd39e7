package index

import (
	"regexp"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// interim matches the names of CDI's temporary claims, with the UID of the claim that they are for (CDI
// pkg/controller/populators, PVCPrimeName; pkg/controller/clone/planner.go).
var interim = regexp.MustCompile(`^(?:prime|tmp-pvc|tmp-source-pvc)-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)

// ClaimsOfFailure returns the UIDs of the claims of a provisioner's event: the claim that it names, and the one that a
// temporary claim of CDI is for.
func ClaimsOfFailure(obj client.Object) []string {
	about := obj.(*corev1.Event).InvolvedObject
	uids := []string{string(about.UID)}
	if match := interim.FindStringSubmatch(about.Name); match != nil {
		uids = append(uids, match[1])
	}
	return uids
}

func uid(obj client.Object) []string { return []string{string(obj.GetUID())} }

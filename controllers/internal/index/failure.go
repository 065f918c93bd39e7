package index

import (
	"regexp"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// interim are the names of the claims that CDI makes in between, with the UID of the claim that they are for (CDI pkg/controller/populators,
// PVCPrimeName; pkg/controller/clone/planner.go).
var interim = regexp.MustCompile(`^(?:prime|tmp-pvc|tmp-source-pvc)-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)

// ClaimsOfFailure are the UIDs of the claims that a provisioner's event speaks of: that in it, and that which a claim of CDI's is for.
func ClaimsOfFailure(obj client.Object) []string {
	about := obj.(*corev1.Event).InvolvedObject
	uids := []string{string(about.UID)}
	if match := interim.FindStringSubmatch(about.Name); match != nil {
		uids = append(uids, match[1])
	}
	return uids
}

func uid(obj client.Object) []string { return []string{string(obj.GetUID())} }

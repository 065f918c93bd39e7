package source

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/growth"
)

// Origin is the object that a clone is made from, as it was read.
type Origin struct {
	// exists reports that the object exists and is not being deleted.
	exists bool
	// grants are the other namespaces that may clone it; "*" for all.
	grants []string
	// waits is why it cannot be cloned yet; empty when it can.
	waits string
	// source is the source of the DataVolume, when it can be cloned.
	source *cdiv1.DataVolumeSource
	// sizeless reports that the DataVolume must not request a size: the claim gets the size of the origin, which is
	// spec.size with the overhead of its file system.
	sizeless bool
	// misfit is why the disk cannot be made from it.
	misfit *diskstate.Problem
	// problem of the cluster or of the spec, whatever the origin is.
	problem *diskstate.Problem
}

// problemFor reports why a clone in a namespace cannot be made; nil when it can. For an origin in another namespace the
// message is the same whether it does not exist or does not grant the clone: a user who may not clone an object must
// not learn from Wukong that it exists.
func (o *Origin) problemFor(namespace string, reference model.Origin) *diskstate.Problem {
	if o == nil {
		return nil
	}
	if o.problem != nil {
		return o.problem
	}
	foreign := reference.Namespace != namespace
	switch {
	case foreign && (!o.exists || !mayClone(reference.Namespace, o.grants, namespace)):
		return diskstate.Failed(v1alpha1.ReasonCloneNotGranted,
			"%s may not be cloned into namespace %s: it does not exist, or does not grant it; %s",
			reference, namespace, grantAdvice(reference, namespace))
	case !o.exists:
		return diskstate.Failed(v1alpha1.ReasonSourceMissing,
			"%s does not exist; create it, and the disk continues automatically", reference)
	case o.waits != "":
		return diskstate.Pending(v1alpha1.ReasonSourceNotReady, "%s: %s", reference, o.waits)
	default:
		return o.misfit
	}
}

// mayClone reports whether an object in namespace from may be cloned into namespace to.
func mayClone(from string, granted []string, to string) bool {
	return from == to || slices.Contains(granted, to) || slices.Contains(granted, "*")
}

func grantAdvice(reference model.Origin, namespace string) string {
	if reference.Kind != model.KindClaim && reference.Kind != model.KindSnapshot {
		return fmt.Sprintf("whoever owns it grants it by %s in its spec.cloneableFrom", namespace)
	}
	return fmt.Sprintf("whoever owns it grants it by the annotation %s: %s", v1alpha1.AnnotationCloneableFrom, namespace)
}

// annotatedGrants are the namespaces that may clone a claim or a VolumeSnapshot.
func annotatedGrants(obj metav1.Object) []string {
	var namespaces []string
	for _, namespace := range strings.Split(obj.GetAnnotations()[v1alpha1.AnnotationCloneableFrom], ",") {
		if trimmed := strings.TrimSpace(namespace); trimmed != "" {
			namespaces = append(namespaces, trimmed)
		}
	}
	return namespaces
}

// diskOf is the entry of a disk in the status of a WukongSnapshot that has entries. Without a name it is the only
// entry.
func diskOf(snapshot *v1alpha1.WukongSnapshot, disk string) (*v1alpha1.SnapshotDiskStatus, *diskstate.Problem) {
	entries := snapshot.Status.Disks
	if disk == "" && len(entries) == 1 {
		return &entries[0], nil
	}
	names := make([]string, 0, len(entries))
	for i := range entries {
		if entries[i].Name == disk {
			return &entries[i], nil
		}
		names = append(names, entries[i].Name)
	}
	reference := model.Origin{Kind: model.KindWukongSnapshot, Namespace: snapshot.Namespace, Name: snapshot.Name}
	if disk == "" {
		return nil, diskstate.Failed(v1alpha1.ReasonInvalidSpec,
			"%s contains the disks %s: create another WukongDisk that names one of them in source.snapshot.disk",
			reference, strings.Join(names, ", "))
	}
	return nil, diskstate.Failed(v1alpha1.ReasonInvalidSpec,
		"%s contains no disk %s (it contains: %s): create another WukongDisk that names one of them in "+
			"source.snapshot.disk",
		reference, disk, strings.Join(names, ", "))
}

// fitRestored decides about a spec.size below the size that a snapshot restores to. The size of the snapshot includes
// the overhead of a file system, if it has one. CDI refuses a DataVolume that requests less than the snapshot's size
// (pkg/controller/datavolume/snapshot-clone-controller.go, validateSnapshotClone), and gives the snapshot's size to one
// that requests none.
func fitRestored(
	reference model.Origin, size, restoreSize resource.Quantity, overhead float64,
) (sizeless bool, found *diskstate.Problem) {
	isEnough := func(size resource.Quantity) bool {
		needed := growth.ClaimRequest(size, resource.Quantity{}, overhead)
		return needed.Cmp(restoreSize) >= 0
	}
	if isEnough(size) {
		return true, nil
	}
	bytes := int64(float64(restoreSize.Value())*(1-overhead)) / growth.Alignment * growth.Alignment
	least := *resource.NewQuantity(bytes, resource.BinarySI)
	if !isEnough(least) {
		least.Add(*resource.NewQuantity(growth.Alignment, resource.BinarySI))
	}
	return false, diskstate.Failed(v1alpha1.ReasonInvalidSpec,
		"spec.size is %s, and %s restores to %s: set spec.size to %s or more", &size, reference, &restoreSize, &least)
}

func snapshotSource(namespace, name string) *cdiv1.DataVolumeSource {
	return &cdiv1.DataVolumeSource{Snapshot: &cdiv1.DataVolumeSourceSnapshot{Namespace: namespace, Name: name}}
}

func claimSource(namespace, name string) *cdiv1.DataVolumeSource {
	return &cdiv1.DataVolumeSource{PVC: &cdiv1.DataVolumeSourcePVC{Namespace: namespace, Name: name}}
}

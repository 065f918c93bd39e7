package diskrestore

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/internal/protocol/copies"
)

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	// newClaim is the claim that the disk is restored to from the claim root, as requested at noon.
	newClaim = inputs().targetName()
)

// change is one difference from the inputs of a disk that nothing prevents from being restored.
type change = func(*Inputs)

// inputs are those of the disk root, whose WukongVM web requested at noon that it is restored.
func inputs(changes ...change) Inputs {
	in := Inputs{
		Disk: &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Name: "root", Namespace: "shop", UID: "disk"}},
		VM: &v1alpha1.WukongVM{
			ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "vm"},
			Status: v1alpha1.WukongVMStatus{Restore: &v1alpha1.VMRestoreStatus{
				Phase:   v1alpha1.RestoreFilling,
				Request: v1alpha1.VMRestore{RequestedAt: metav1.NewTime(noon)},
				Disks: []v1alpha1.VMRestoreDisk{
					{Name: "data", DiskName: "data", VolumeSnapshotName: "cut-data", PreviousClaimName: "data"},
					{Name: "os", DiskName: "root", VolumeSnapshotName: "cut-root", PreviousClaimName: "root"},
				},
			}},
		},
		Copies:     copies.Copies{Current: "root"},
		Claim:      claimIn(corev1.ClaimBound, "root"),
		DataVolume: &cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Name: "root"}},
		Complete:   true,
		Origin:     Origin{Source: fromSnapshot("cut-root")},
	}
	for _, change := range changes {
		change(&in)
	}
	return in
}

func claimIn(phase corev1.PersistentVolumeClaimPhase, name string) *corev1.PersistentVolumeClaim {
	return keeptest.Object(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"},
		Spec:       corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To("fast"), VolumeName: "pv-1"},
		Status:     corev1.PersistentVolumeClaimStatus{Phase: phase},
	}, diskstate.KeepClaim)
}

func fromSnapshot(name string) *cdiv1.DataVolumeSource {
	return &cdiv1.DataVolumeSource{Snapshot: &cdiv1.DataVolumeSourceSnapshot{Namespace: "shop", Name: name}}
}

// target is the DataVolume that the disk is restored to, with its claim.
func target(phase cdiv1.DataVolumePhase, options ...func(*cdiv1.DataVolume)) change {
	return func(in *Inputs) {
		made := &cdiv1.DataVolume{
			ObjectMeta: metav1.ObjectMeta{Name: newClaim, Namespace: "shop", Annotations: map[string]string{
				v1alpha1.AnnotationMovedFrom:   "root",
				v1alpha1.AnnotationRestoredFor: "2026-03-01T12:00:00Z/vm",
			}},
			Spec:   cdiv1.DataVolumeSpec{Source: fromSnapshot("cut-root")},
			Status: cdiv1.DataVolumeStatus{Phase: phase},
		}
		for _, option := range options {
			option(made)
		}
		in.TargetClaim = claimIn(corev1.ClaimPending, newClaim)
		if phase == cdiv1.Succeeded {
			in.TargetClaim = claimIn(corev1.ClaimBound, newClaim)
		}
		in.Copies.Restored = made
	}
}

func annotated(key, value string) func(*cdiv1.DataVolume) {
	return func(made *cdiv1.DataVolume) { made.Annotations[key] = value }
}

// States of the disk.
func noTarget(*Inputs)   {}
func filling(in *Inputs) { target(cdiv1.CloneInProgress)(in) }
func filled(in *Inputs)  { target(cdiv1.Succeeded)(in) }
func rejected(in *Inputs) {
	target(cdiv1.Succeeded, annotated(v1alpha1.AnnotationRejected, "true"))(in)
}

// inUse: the target holds the disk, and the previous claim is kept.
func inUse(in *Inputs) {
	target(cdiv1.Succeeded, annotated(v1alpha1.AnnotationInUse, "true"),
		annotated(v1alpha1.AnnotationKeepPrevious, "root"))(in)
	in.Copies = copies.Copies{Current: newClaim, DataVolume: in.Copies.Restored, Previous: in.DataVolume}
	in.Claim, in.DataVolume, in.TargetClaim = in.TargetClaim, in.Copies.DataVolume, nil
}

// done: the target holds the disk, and the previous claim is no longer kept.
func done(in *Inputs) {
	inUse(in)
	delete(in.Copies.DataVolume.Annotations, v1alpha1.AnnotationKeepPrevious)
	in.Copies.Previous = nil
}

// Changes of the WukongVM.
func phase(phase v1alpha1.RestorePhase) change {
	return func(in *Inputs) { in.VM.Status.Restore.Phase = phase }
}

func requestedAt(at time.Time) change {
	return func(in *Inputs) { in.VM.Status.Restore.Request.RequestedAt = metav1.NewTime(at) }
}

func noVM(in *Inputs)      { in.VM = nil }
func anotherVM(in *Inputs) { in.VM.UID = "vm-2" }
func deletedVM(in *Inputs) { in.VM.DeletionTimestamp = ptr.To(metav1.NewTime(noon)) }

// statusLost: only the annotation of the WukongVM shows what it has begun.
func statusLost(mark string) change {
	return func(in *Inputs) {
		in.VM.Status.Restore = nil
		in.VM.Annotations = map[string]string{v1alpha1.AnnotationRestoreRequest: mark}
	}
}

// stepOf is what a pass does, in words.
func stepOf(decided Decision) string {
	var steps []string
	if decided.Create != nil {
		steps = append(steps, "create")
	}
	if decided.Remove != nil {
		steps = append(steps, "remove")
	}
	if decided.Mark != nil {
		steps = append(steps, "mark "+marks(decided.Annotations))
	}
	switch len(steps) {
	case 0:
		return "-"
	case 1:
		return steps[0]
	default:
		return fmt.Sprintf("several: %v", steps)
	}
}

// marks are the annotations that a DataVolume gets or loses, in words.
func marks(annotations map[string]any) string {
	in, keeps := annotations[v1alpha1.AnnotationInUse], annotations[v1alpha1.AnnotationKeepPrevious]
	_, ofUse := annotations[v1alpha1.AnnotationInUse]
	_, ofPrevious := annotations[v1alpha1.AnnotationKeepPrevious]
	switch reject := annotations[v1alpha1.AnnotationRejected]; {
	case len(annotations) == 2 && in == "true" && keeps == "root":
		return "in use"
	case len(annotations) == 3 && ofUse && in == nil && ofPrevious && keeps == nil && reject == "true":
		return "rejected"
	case len(annotations) == 1 && ofPrevious && keeps == nil:
		return "ended"
	default:
		return fmt.Sprintf("%v", annotations)
	}
}

// reportOf is the phase that the disk reports; "-" for none.
func reportOf(decided Decision) string {
	if decided.Status == nil {
		return "-"
	}
	return string(decided.Status.Phase)
}

package protection

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/protocol/diskmove"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
)

func diskWith(options ...builder.DiskOption) *v1alpha1.WukongDisk {
	disk := builder.Disk("shop", "root", options...)
	disk.UID = "disk-uid"
	return disk
}

// filled is the DataVolume of the disk, complete.
func filled() *cdiv1.DataVolume {
	return &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name: "root", Namespace: "shop", UID: "volume-uid", OwnerReferences: []metav1.OwnerReference{
				{Kind: "WukongDisk", Name: "root", UID: "disk-uid", Controller: ptr.To(true)},
			},
		},
		Status: cdiv1.DataVolumeStatus{Phase: cdiv1.Succeeded},
	}
}

func TestKeepsClaim(t *testing.T) {
	foreign := filled()
	foreign.OwnerReferences = nil
	retained := builder.Reclaim(v1alpha1.ReclaimRetain)
	keeps := func(disk *v1alpha1.WukongDisk, dataVolume *cdiv1.DataVolume) bool {
		return KeepsClaim(backing.View{Disk: disk, DataVolume: dataVolume})
	}
	assert.True(t, keeps(diskWith(retained), filled()))
	assert.False(t, keeps(diskWith(), filled()), "reclaimPolicy Delete")
	assert.False(t, keeps(diskWith(retained), nil), "no DataVolume")
	assert.False(t, keeps(diskWith(retained), foreign), "a foreign DataVolume is not ours to delete")
	assert.False(t, keeps(diskWith(retained, builder.Adopting("data")), nil), "an adopted claim has no DataVolume")
}

// The owner references of all DataVolumes of a disk are settled, but not of those that are being deleted.
func TestChildren(t *testing.T) {
	deleted := filled()
	deleted.DeletionTimestamp = ptr.To(metav1.Now())
	target := filled()
	target.Status.Phase = cdiv1.ImportInProgress
	view := backing.View{
		Disk: diskWith(), DataVolume: filled(),
		Copies: diskmove.Copies{Target: target, Stale: []*cdiv1.DataVolume{deleted}},
	}
	children := Children(view)
	assert.Len(t, children, 2)
	assert.Equal(t, map[string]string{dvstate.AnnotationPrePopulated: "root"}, children[0].Annotations)
	assert.Empty(t, children[1].Annotations, "CDI still fills it")
}

// The label is added when the bytes are complete. It stays until the protection is removed.
func TestLabelOfProtection(t *testing.T) {
	view := backing.View{Disk: diskWith(builder.Protected), DataVolume: filled()}
	assert.Empty(t, Changes(view, false), "the disk is being filled")
	changes := Changes(view, true)
	assert.Len(t, changes, 1)
	assert.Equal(t, map[string]any{v1alpha1.LabelDeletionProtection: "volume-uid"}, changes[0].Labels)
	assert.Equal(t, map[string]any{dvstate.AnnotationPrePopulated: "root"}, changes[0].Annotations)

	view.DataVolume.Labels = map[string]string{v1alpha1.LabelDeletionProtection: "volume-uid"}
	assert.Empty(t, Changes(view, true), "it has the label")
	assert.Empty(t, Changes(view, false), "it has the label, and something is wrong with the disk")
	view.Disk = diskWith()
	assert.Equal(t, map[string]any{v1alpha1.LabelDeletionProtection: nil}, Changes(view, false)[0].Labels)
	view.DataVolume.Labels[v1alpha1.LabelDeletionProtection] = "of another object"
	assert.Empty(t, Changes(view, true), "a label that was copied has no effect")
}

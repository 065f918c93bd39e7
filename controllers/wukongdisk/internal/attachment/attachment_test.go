package attachment

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/internal/protocol/custody"
)

func TestSharing(t *testing.T) {
	with := func(mode corev1.PersistentVolumeAccessMode) *corev1.PersistentVolumeClaim {
		return keeptest.Object(&corev1.PersistentVolumeClaim{
			Spec: corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{mode}},
		}, diskstate.KeepClaim)
	}
	shared, unshared := builder.Disk("shop", "root", builder.Shared), builder.Disk("shop", "root")
	assert.Nil(t, CannotShare(shared, with(corev1.ReadWriteMany)))
	assert.Nil(t, CannotShare(unshared, with(corev1.ReadWriteOnce)))
	found := CannotShare(shared, with(corev1.ReadWriteOnce))
	assert.Equal(t, v1alpha1.ReasonInvalidSpec, found.Reason)
	assert.Contains(t, found.Message, "has [ReadWriteOnce]")
}

// Before a disk is attached, other users are looked for only if another program may write to its claim.
func TestMayHoldBytes(t *testing.T) {
	filled := builder.Disk("shop", "root")
	filled.Annotations = map[string]string{v1alpha1.AnnotationFilled: "root"}
	assert.True(t, mayHoldBytes(filled))
	assert.False(t, mayHoldBytes(builder.Disk("shop", "root")))
	assert.True(t, mayHoldBytes(builder.Disk("shop", "root", builder.Adopting("data"))))
	assert.False(t, mayHoldBytes(builder.Disk("shop", "root", builder.AdoptingReadOnly("data"))))
}

func TestProblemsOfUsers(t *testing.T) {
	found := Attachment{Inputs: custody.Inputs{Disk: builder.Disk("shop", "root")}}
	assert.Nil(t, found.InUse())
	assert.Nil(t, found.UsedOutside("root"))
	found.VMs = []v1alpha1.WukongVM{*builder.VM("shop", "web", builder.Attached("root"))}
	found.AttachedTo, found.OutsideUser = "web", "VirtualMachine other"
	assert.Equal(t, []string{"web"}, found.VMNames())
	assert.Contains(t, found.InUse().Message, "the disk is used by WukongVM web, and is deleted when")
	assert.Contains(t, found.UsedOutside("root").Message,
		"PersistentVolumeClaim root is in use by VirtualMachine other")
}

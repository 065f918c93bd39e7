//go:build controlplane

package wukongdisk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

func adoptingReadOnly(claim string) func(*v1alpha1.WukongDisk) {
	return func(disk *v1alpha1.WukongDisk) {
		adopting(claim)(disk)
		disk.Spec.Source.PersistentVolumeClaim.ReadOnly = ptr.To(true)
	}
}

// Two disks on one claim would let two machines write it, each holding a disk of its own. The one that made the claim has it, else the oldest.
func TestAClaimIsOneDisks(t *testing.T) {
	f, _ := start(t)
	claim := f.newClaim("found")
	f.makeClaim(claim)
	f.bind(claim)
	first, second := f.newDisk("first", adopting("found")), f.newDisk("a-second", adopting("found"))
	f.create(first)
	f.waitReady(first)
	f.create(second)
	refused := f.wait(second, metav1.ConditionFalse, v1alpha1.ReasonClaimInUse, "PersistentVolumeClaim found is that of WukongDisk first")
	assert.Empty(t, refused.Status.ClaimName, "a machine would start on it")
	f.waitReady(first)
	f.remove(first)
	f.waitGone(first)
	f.waitReady(second)

	made := f.newDisk("made")
	f.create(made)
	f.fill(made)
	f.waitReady(made)
	thief := f.newDisk("thief", adopting("made"))
	f.create(thief)
	f.wait(thief, metav1.ConditionFalse, v1alpha1.ReasonClaimInUse, "that of WukongDisk made")
}

// A claim that a machine of someone else has, whose objects no cache of ours holds, is given to none of ours until that machine has ended.
func TestAClaimIsNotGivenWhileAMachineOfSomeoneElseHasIt(t *testing.T) {
	f, _ := start(t)
	claim := f.newClaim("found")
	f.makeClaim(claim)
	f.bind(claim)
	foreign := &kubevirtv1.VirtualMachineInstance{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "foreign"},
		Spec: kubevirtv1.VirtualMachineInstanceSpec{Volumes: []kubevirtv1.Volume{{Name: "root", VolumeSource: kubevirtv1.VolumeSource{
			PersistentVolumeClaim: &kubevirtv1.PersistentVolumeClaimVolumeSource{PersistentVolumeClaimVolumeSource: corev1.PersistentVolumeClaimVolumeSource{ClaimName: "found"}},
		}}}},
	}
	f.create(foreign.DeepCopy())
	disk := f.newDisk("disk", adopting("found"))
	f.create(disk)
	f.waitReady(disk)
	web := f.newVM("web", "disk")
	f.create(web)
	f.wait(disk, metav1.ConditionFalse, v1alpha1.ReasonClaimInUse, "in use by VirtualMachineInstance foreign, which no WukongVM is behind")
	testenv.WaitIdle(t, 0)
	assert.Empty(t, read(f, "disk", disk).Status.AttachedTo)

	f.remove(foreign)
	f.patch(disk, `{"spec":{"reclaimPolicy":"Retain"}}`) // or a minute
	f.waitReady(disk)
	f.waitHeldBy(disk, "web")

	// It holds for the next machine as well: the claim may have been taken when the first one had stopped.
	f.create(foreign, f.newVM("db", "disk"))
	testenv.WaitIdle(t, 0)
	f.remove(web)
	f.wait(disk, metav1.ConditionFalse, v1alpha1.ReasonClaimInUse, "in use by VirtualMachineInstance foreign")
	assert.Empty(t, read(f, "disk", disk).Status.AttachedTo)
}

func TestDisksThatOnlyReadShareAClaim(t *testing.T) {
	f, _ := start(t)
	claim := f.newClaim("iso")
	f.makeClaim(claim)
	f.bind(claim)
	one, two, writer := f.newDisk("one", adoptingReadOnly("iso")), f.newDisk("two", adoptingReadOnly("iso")), f.newDisk("writer", adopting("iso"))
	f.create(one, two)
	f.waitReady(one)
	f.waitReady(two)
	f.create(writer)
	f.wait(writer, metav1.ConditionFalse, v1alpha1.ReasonClaimInUse, "")
}

//go:build controlplane

package wukongdisk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// Two disks on one claim would let two machines write it, each holding a disk of its own. The one that made the claim
// has it, else the oldest.
func TestAClaimIsOneDisks(t *testing.T) {
	f, _ := start(t)
	claim := f.NewClaim("found")
	f.CreateClaim(claim)
	f.Bind(claim)
	first, second := f.newDisk("first", builder.Adopting("found")), f.newDisk("a-second", builder.Adopting("found"))
	f.Create(first)
	f.waitReady(first)
	f.Create(second)
	refused := testkit.Wait(f, second, metav1.ConditionFalse, v1alpha1.ReasonClaimInUse,
		"PersistentVolumeClaim found is that of WukongDisk first")
	assert.Empty(t, refused.Status.ClaimName, "a machine would start on it")
	f.waitReady(first)
	f.Remove(first)
	f.WaitGone(first)
	f.waitReady(second)

	made := f.newDisk("made")
	f.Create(made)
	f.fill(made)
	f.waitReady(made)
	thief := f.newDisk("thief", builder.Adopting("made"))
	f.Create(thief)
	testkit.Wait(f, thief, metav1.ConditionFalse, v1alpha1.ReasonClaimInUse, "that of WukongDisk made")
}

// A claim that a machine of someone else has, whose objects no cache of ours holds, is given to none of ours until that
// machine has ended.
func TestAClaimIsNotGivenWhileAMachineOfSomeoneElseHasIt(t *testing.T) {
	f, _ := start(t)
	claim := f.NewClaim("found")
	f.CreateClaim(claim)
	f.Bind(claim)
	foreign := &kubevirtv1.VirtualMachineInstance{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "foreign"},
		Spec: kubevirtv1.VirtualMachineInstanceSpec{Volumes: []kubevirtv1.Volume{{Name: "root",
			VolumeSource: kubevirtv1.VolumeSource{
				PersistentVolumeClaim: &kubevirtv1.PersistentVolumeClaimVolumeSource{
					PersistentVolumeClaimVolumeSource: corev1.PersistentVolumeClaimVolumeSource{ClaimName: "found"},
				},
			}}}},
	}
	f.Create(foreign.DeepCopy())
	disk := f.newDisk("disk", builder.Adopting("found"))
	f.Create(disk)
	f.waitReady(disk)
	web := f.newVM("web", "disk")
	f.Create(web)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonClaimInUse,
		"in use by VirtualMachineInstance foreign, which is not of the WukongVM that asks for the disk")
	f.WaitIdle()
	assert.Empty(t, testkit.Read(f, "disk", disk).Status.AttachedTo)

	f.Remove(foreign)
	f.Patch(disk, `{"spec":{"reclaimPolicy":"Retain"}}`) // or a minute
	f.waitReady(disk)
	f.waitHeldBy(disk, "web")

	// It holds for the next machine as well: the claim may have been taken when the first one had stopped.
	f.Create(foreign, f.newVM("db", "disk"))
	f.WaitIdle()
	f.Remove(web)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonClaimInUse, "in use by VirtualMachineInstance foreign")
	assert.Empty(t, testkit.Read(f, "disk", disk).Status.AttachedTo)
}

func TestDisksThatOnlyReadShareAClaim(t *testing.T) {
	f, _ := start(t)
	claim := f.NewClaim("iso")
	f.CreateClaim(claim)
	f.Bind(claim)
	one, two, writer := f.newDisk("one", builder.AdoptingReadOnly("iso")),
		f.newDisk("two", builder.AdoptingReadOnly("iso")), f.newDisk("writer", builder.Adopting("iso"))
	f.Create(one, two)
	f.waitReady(one)
	f.waitReady(two)
	f.Create(writer)
	testkit.Wait(f, writer, metav1.ConditionFalse, v1alpha1.ReasonClaimInUse, "")
}

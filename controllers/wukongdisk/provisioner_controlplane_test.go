//go:build controlplane

package wukongdisk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// provisioningFailed is what a provisioner says of a claim.
func (f disks) provisioningFailed(claim *corev1.PersistentVolumeClaim, message string) *corev1.Event {
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: claim.Namespace, GenerateName: claim.Name + "."},
		InvolvedObject: corev1.ObjectReference{
			Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
		},
		Type: corev1.EventTypeWarning, Reason: "ProvisioningFailed", Message: message,
		FirstTimestamp: metav1.Now(), LastTimestamp: metav1.Now(), Count: 1,
	}
}

// A full pool is told on the disk, though the provisioner says it of a claim of CDI's, and no longer once that one has
// its volume.
func TestProvisionerFailureIsShownAndHeals(t *testing.T) {
	f, _ := start(t)
	disk := f.newDisk("root")
	f.Create(disk)
	claim := f.ClaimOf(f.waitDataVolume(disk))
	f.SetDataVolume("root", cdiv1.Pending)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonClaimPending, "")

	prime := f.NewClaim("prime-" + string(claim.UID))
	f.CreateClaim(prime)
	f.Create(f.provisioningFailed(prime, "pool is full"))
	told := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonProvisioningFailed,
		"PersistentVolumeClaim root gets no volume: pool is full; it is retried")
	assert.Equal(t, v1alpha1.DiskError, told.Status.Phase)
	assert.Equal(t, "root", told.Status.ClaimName, "a machine may be made on it")

	f.Bind(prime)
	f.SetDataVolume("root", cdiv1.ImportScheduled)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonImporting, "")
	f.Bind(claim)
	f.SetDataVolume("root", cdiv1.Succeeded)
	f.waitReady(disk)
}

// The same for a claim that a disk adopts, and nothing of a claim that had the name before.
func TestProvisionerFailureOfAnAdoptedClaim(t *testing.T) {
	f, _ := start(t)
	claim := f.NewClaim("own")
	f.CreateClaim(claim)
	before := claim.DeepCopy()
	before.UID = "another"
	f.Create(f.provisioningFailed(before, "long ago"))
	disk := f.newDisk("root", builder.Adopting("own"))
	f.Create(disk)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonClaimPending, "own is not bound")
	f.Create(f.provisioningFailed(claim, "pool is full"))
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonProvisioningFailed, "pool is full")
	f.Bind(claim)
	f.waitReady(disk)
}

//go:build controlplane

package wukongvm_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// A guest that could not start again is not stopped for a restore, however long its disks are filled already: here the
// Secret with its cloud-init data is missing. When it exists again, the restore continues.
func TestAGuestThatCouldNotStartAgainIsNotStopped(t *testing.T) {
	f, _ := startRestoring(t)
	m := newMover(f, v1alpha1.PowerRunning)
	m.running()
	m.cut("before")
	userData := func() *corev1.Secret {
		return &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: "guest"},
			StringData: map[string]string{"userdata": "#cloud-config\n"},
		}
	}
	secret := userData()
	m.Create(secret)
	m.editSpec(m.vm, func(spec *v1alpha1.WukongVMSpec) {
		spec.CloudInit = &v1alpha1.CloudInit{UserDataSecretRef: &v1alpha1.SecretKeyReference{Name: "guest", Key: "userdata"}}
	})
	m.WaitIdle()
	m.running()
	first := m.instance().UID

	m.Remove(secret)
	m.ask(`,"safetySnapshot":"Skip"`)
	m.waitRestore(v1alpha1.RestoreStopping)
	m.Eventually(func(now *testkit.Attempt) {
		assert.Contains(now, m.restored().Message,
			"all disks are filled, and the guest is not stopped, because it could not start again: ")
		assert.Contains(now, m.restored().Message, "Secret guest")
	})
	m.WaitIdle()
	vm := testkit.Read(m, "web", &v1alpha1.WukongVM{})
	assert.Equal(t, v1alpha1.RestoreStopping, vm.Status.Restore.Phase)
	assert.Equal(t, v1alpha1.PhaseRunning, vm.Status.Phase)
	assert.Equal(t, first, m.instance().UID, "the guest runs on")
	assert.True(t, m.instance().DeletionTimestamp.IsZero())
	for _, name := range []string{"root", "data"} {
		assert.Equal(t, v1alpha1.DiskRestoreFilled, m.disk(name).Status.Restore.Phase)
		assert.Equal(t, name, m.disk(name).Status.ClaimName)
	}

	m.Create(userData())
	m.waitRestore(v1alpha1.RestoreSucceeded)
	m.running()
	assert.NotEqual(t, first, m.instance().UID)
	assert.True(t, meta.IsStatusConditionTrue(
		testkit.Read(m, "web", &v1alpha1.WukongVM{}).Status.Conditions, v1alpha1.ConditionRestored))
}

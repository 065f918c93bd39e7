package backing

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

func TestClaimChange(t *testing.T) {
	tests := map[string]struct {
		change func(*corev1.PersistentVolumeClaim)
		news   bool
	}{
		"nothing":     {func(*corev1.PersistentVolumeClaim) {}, false},
		"a label":     {func(c *corev1.PersistentVolumeClaim) { c.Labels = map[string]string{"a": "b"} }, false},
		"a finalizer": {func(c *corev1.PersistentVolumeClaim) { c.Finalizers = []string{"example.com/a"} }, false},
		"it is bound": {func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimBound }, true},
		"its volume":  {func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "pv-2" }, true},
		"it is larger": {func(c *corev1.PersistentVolumeClaim) {
			c.Status.Capacity["storage"] = resource.MustParse("2Gi")
		}, true},
		"its owner": {func(c *corev1.PersistentVolumeClaim) { c.OwnerReferences = nil }, true},
		"it is being deleted": {
			func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = ptr.To(metav1.Now()) }, true},
		"its file system is grown next": {func(c *corev1.PersistentVolumeClaim) {
			c.Status.Conditions = []corev1.PersistentVolumeClaimCondition{
				{Type: corev1.PersistentVolumeClaimFileSystemResizePending, Status: corev1.ConditionTrue},
			}
		}, true},
		"another one": {func(c *corev1.PersistentVolumeClaim) { c.UID = "other" }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before, after := claimIn(corev1.ClaimPending), claimIn(corev1.ClaimPending)
			test.change(after)
			assert.Equal(t, test.news, ClaimChange().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}))
		})
	}
	assert.True(t, ClaimChange().Create(event.CreateEvent{Object: claimIn(corev1.ClaimPending)}))
	assert.True(t, ClaimChange().Delete(event.DeleteEvent{Object: claimIn(corev1.ClaimPending)}))
}

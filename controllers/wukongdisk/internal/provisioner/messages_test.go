package provisioner

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
)

// A user reads what to create, or which annotation makes a class the default.
func TestAClassThatIsMissing(t *testing.T) {
	named := ClassMissing(builder.Disk("shop", "data", builder.OnClass("fast")))
	assert.Equal(t, v1alpha1.ReasonStorageClassMissing, named.Reason)
	assert.Equal(t, v1alpha1.DiskError, named.Phase)
	assert.Contains(t, named.Message, "StorageClass fast does not exist; create it")
	byDefault := ClassMissing(builder.Disk("shop", "data"))
	assert.Contains(t, byDefault.Message, "no default StorageClass; name one in storageClassName")
	assert.Contains(t, byDefault.Message, annotationDefaultVirtClass)
}

func TestAProvisionerThatFails(t *testing.T) {
	claim := builder.Claim("shop", "data", "1Gi")
	assert.Nil(t, Failed(claim, ""))
	found := Failed(claim, "pool is full")
	assert.Equal(t, v1alpha1.ReasonProvisioningFailed, found.Reason)
	assert.Equal(t, "PersistentVolumeClaim data gets no volume: pool is full; it is retried", found.Message)
}

// Kubernetes counts a repeated event up every minute, and forgets it after an hour: neither is news.
func TestWhichEventsAreNews(t *testing.T) {
	saying := func(message string, count int32) *corev1.Event { return &corev1.Event{Message: message, Count: count} }
	update := func(before, after *corev1.Event) bool {
		return FailureChange().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
	}
	assert.False(t, update(saying("pool is full", 1), saying("pool is full", 2)))
	assert.True(t, update(saying("pool is full", 1), saying("no such pool", 2)))
	assert.True(t, FailureChange().Create(event.CreateEvent{Object: saying("pool is full", 1)}))
	assert.False(t, FailureChange().Delete(event.DeleteEvent{Object: saying("pool is full", 1)}))
}

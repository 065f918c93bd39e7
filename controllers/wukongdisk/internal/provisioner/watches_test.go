package provisioner

import (
	"testing"

	"github.com/stretchr/testify/assert"
	storagev1 "k8s.io/api/storage/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

func TestClassChange(t *testing.T) {
	class := func(expands bool) *storagev1.StorageClass {
		return &storagev1.StorageClass{AllowVolumeExpansion: &expands}
	}
	update := func(before, after *storagev1.StorageClass) bool {
		return ClassChange().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
	}
	assert.True(t, update(class(false), class(true)), "a disk may have waited for it")
	assert.False(t, update(class(true), class(true)))
	assert.False(t, update(&storagev1.StorageClass{}, class(false)))
	byDefault := class(false)
	byDefault.Annotations = map[string]string{annotationDefaultClass: "true"}
	assert.True(t, update(class(false), byDefault), "a disk without a class may have waited for it")
	assert.True(t, ClassChange().Create(event.CreateEvent{Object: class(false)}))
	assert.False(t, ClassChange().Delete(event.DeleteEvent{Object: class(false)}))
}

package watches

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestOwnChange(t *testing.T) {
	tests := map[string]struct {
		change func(*v1alpha1.WukongDisk)
		news   bool
	}{
		"nothing":     {func(*v1alpha1.WukongDisk) {}, false},
		"its status":  {func(d *v1alpha1.WukongDisk) { d.Status.Phase = v1alpha1.DiskReady }, false},
		"a label":     {func(d *v1alpha1.WukongDisk) { d.Labels = map[string]string{"a": "b"} }, false},
		"its spec":    {func(d *v1alpha1.WukongDisk) { d.Generation = 2 }, true},
		"an owner":    {func(d *v1alpha1.WukongDisk) { d.OwnerReferences = []metav1.OwnerReference{{UID: "1"}} }, true},
		"a finalizer": {func(d *v1alpha1.WukongDisk) { d.Finalizers = []string{"a"} }, true},
		"another one": {func(d *v1alpha1.WukongDisk) { d.UID = "2" }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Generation: 1, UID: "1"}}
			after := before.DeepCopy()
			test.change(after)
			assert.Equal(t, test.news, OwnChange().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}))
		})
	}
}

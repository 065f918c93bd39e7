package binding

import (
	"testing"

	"github.com/stretchr/testify/assert"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

// kubevirtWith returns a KubeVirt with plugins, as the cache holds it.
func kubevirtWith(plugins map[string]kubevirtv1.InterfaceBindingPlugin) *kubevirtv1.KubeVirt {
	kubevirt := &kubevirtv1.KubeVirt{}
	kubevirt.Spec.Configuration.NetworkConfiguration = &kubevirtv1.NetworkConfiguration{Binding: plugins}
	return keeptest.Object(kubevirt, KeepPlugins)
}

func TestChangedAcceptsAnotherPlugin(t *testing.T) {
	none := kubevirtWith(nil)
	one := kubevirtWith(map[string]kubevirtv1.InterfaceBindingPlugin{Passt: {SidecarImage: "passt:1"}})
	other := kubevirtWith(map[string]kubevirtv1.InterfaceBindingPlugin{Passt: {SidecarImage: "passt:2"}})
	changed := func(before, after *kubevirtv1.KubeVirt) bool {
		return Changed().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
	}
	assert.True(t, changed(none, one))
	assert.True(t, changed(one, other))
	assert.False(t, changed(one, one))
	assert.False(t, changed(none, none))
}

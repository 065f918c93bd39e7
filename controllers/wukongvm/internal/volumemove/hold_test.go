package volumemove

import (
	"testing"

	"github.com/stretchr/testify/assert"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Migrations are held while the instance has the old claim of a volume that KubeVirt was given. What another manager
// holds remains held.
func TestHold(t *testing.T) {
	awaits := Plan{moves: map[string]Move{"data": {Handover: &Handover{
		Volume: "data", Disk: "data", From: "data", To: "data-2", Instance: "one",
	}}}}
	for name, row := range map[string]struct {
		plan    Plan
		held    string
		value   any
		changes bool
	}{
		"it awaits a claim":                    {awaits, "", "wukong", true},
		"it holds already":                     {awaits, "wukong", nil, false},
		"another manager holds, and it awaits": {awaits, "other", nil, false},
		"it holds, and awaits nothing":         {Plan{}, "wukong", nil, true},
		"nobody holds":                         {Plan{}, "", nil, false},
		"another manager holds":                {Plan{}, "other", nil, false},
	} {
		instance := keeptest.Object(&kubevirtv1.VirtualMachineInstance{}, virt.KeepInstance)
		instance.UID = "one"
		volume := kubevirtv1.Volume{Name: "data"}
		volume.DataVolume = &kubevirtv1.DataVolumeSource{Name: "data"}
		instance.Spec.Volumes = []kubevirtv1.Volume{volume}
		if row.held != "" {
			instance.Annotations = map[string]string{AnnotationHold: row.held}
		}
		value, changes := row.plan.Hold(instance, "wukong")
		assert.Equal(t, row.value, value, name)
		assert.Equal(t, row.changes, changes, name)
	}
}

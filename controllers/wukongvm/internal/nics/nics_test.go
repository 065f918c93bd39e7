package nics

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestAnyMissing(t *testing.T) {
	networks := Networks{"lan": {}, "gone": nil}
	missing := func(names ...string) bool {
		vm := &v1alpha1.WukongVM{}
		for _, name := range names {
			vm.Spec.Networks = append(vm.Spec.Networks,
				v1alpha1.VMNetwork{Name: name, NetworkRef: &v1alpha1.LocalObjectReference{Name: name}})
		}
		return networks.AnyMissing(vm)
	}
	assert.False(t, missing(), "the pod network is always there")
	assert.False(t, missing("lan"))
	assert.True(t, missing("lan", "gone"))
	assert.True(t, missing("other"))
}

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

// A WukongNetwork that does not exist yet counts as another network.
func TestOnPodNetwork(t *testing.T) {
	template := func(networkType v1alpha1.NetworkType) *v1alpha1.NetworkTemplate {
		return &v1alpha1.NetworkTemplate{Spec: v1alpha1.WukongNetworkSpec{Type: networkType}}
	}
	to := func(name string) v1alpha1.VMNetwork {
		return v1alpha1.VMNetwork{Name: name, NetworkRef: &v1alpha1.LocalObjectReference{Name: name}}
	}
	networks := Networks{
		"pods": {Spec: v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod}}, "gone": nil,
		"lan": {Spec: v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge}},
	}
	for name, row := range map[string]struct {
		list []v1alpha1.VMNetwork
		on   bool
	}{
		"none is listed":        {nil, true},
		"itself":                {[]v1alpha1.VMNetwork{{Name: "pod", Pod: &v1alpha1.PodNetwork{}}}, true},
		"a WukongNetwork of it": {[]v1alpha1.VMNetwork{to("pods")}, true},
		"a template of it":      {[]v1alpha1.VMNetwork{{Name: "pod", Template: template(v1alpha1.NetworkTypePod)}}, true},
		"another network":       {[]v1alpha1.VMNetwork{to("lan")}, false},
		"a template of another": {[]v1alpha1.VMNetwork{{Name: "lan", Template: template(v1alpha1.NetworkTypeBridge)}}, false},
		"a network not known":   {[]v1alpha1.VMNetwork{to("gone"), to("other")}, false},
		"one of two":            {[]v1alpha1.VMNetwork{to("lan"), to("pods")}, true},
	} {
		vm := &v1alpha1.WukongVM{Spec: v1alpha1.WukongVMSpec{Networks: row.list}}
		assert.Equal(t, row.on, networks.AnyOnPodNetwork(vm), name)
	}
}

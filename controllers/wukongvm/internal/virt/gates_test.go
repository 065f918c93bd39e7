package virt

import (
	"testing"

	"github.com/stretchr/testify/assert"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

func kubevirtWith(version string, on, off []string) *kubevirtv1.KubeVirt {
	kubevirt := &kubevirtv1.KubeVirt{Status: kubevirtv1.KubeVirtStatus{ObservedKubeVirtVersion: version}}
	kubevirt.Spec.Configuration.DeveloperConfiguration = &kubevirtv1.DeveloperConfiguration{
		FeatureGates: on, DisabledFeatureGates: off,
	}
	return keeptest.Object(kubevirt, KeepGates)
}

// Fault C.4: with KubeVirt's feature gates as they come, disks stay Attaching or Detaching without a word.
func TestWhichKubeVirtPlugsDisks(t *testing.T) {
	declarative, both := []string{GateDeclarative}, []string{GateImperative, GateDeclarative}
	assert.False(t, PlugsDisks(kubevirtWith("v1.7.0", nil, nil)))
	assert.True(t, PlugsDisks(kubevirtWith("v1.7.0", declarative, nil)))
	assert.False(t, PlugsDisks(kubevirtWith("v1.8.2", both, nil)), "the older gate wins")
	assert.True(t, PlugsDisks(kubevirtWith("v1.9.0", nil, nil)))
	assert.False(t, PlugsDisks(kubevirtWith("v1.9.0", nil, declarative)))
	assert.True(t, PlugsDisks(kubevirtWith("devel", nil, nil)), "nobody knows")
	unconfigured := &kubevirtv1.KubeVirt{Status: kubevirtv1.KubeVirtStatus{ObservedKubeVirtVersion: "v1.7.0"}}
	assert.False(t, PlugsDisks(keeptest.Object(unconfigured, KeepGates)))
}

// Fault C.4: without ExpandDisks, which KubeVirt 1.7 has off and 1.8 needs no more, guestSize claimed growth that was
// not there.
func TestWhichKubeVirtGrowsDisks(t *testing.T) {
	assert.False(t, GrowsDisks(kubevirtWith("v1.7.0", nil, nil)))
	assert.True(t, GrowsDisks(kubevirtWith("v1.7.0", []string{GateExpand}, nil)))
	assert.True(t, GrowsDisks(kubevirtWith("v1.8.0", nil, nil)))
	assert.True(t, GrowsDisks(kubevirtWith("devel", nil, nil)), "nobody knows")
}

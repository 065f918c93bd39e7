package wukongvm

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func kubevirtWith(version string, on, off []string) *kubevirtv1.KubeVirt {
	kubevirt := &kubevirtv1.KubeVirt{Status: kubevirtv1.KubeVirtStatus{ObservedKubeVirtVersion: version}}
	kubevirt.Spec.Configuration.DeveloperConfiguration = &kubevirtv1.DeveloperConfiguration{FeatureGates: on, DisabledFeatureGates: off}
	return kubevirt
}

// Fault C.4: with KubeVirt's feature gates as they come, disks stay Attaching or Detaching without a word.
func TestWhichKubeVirtPlugsDisks(t *testing.T) {
	declarative, both := []string{gateDeclarative}, []string{gateImperative, gateDeclarative}
	assert.False(t, plugsDisks(kubevirtWith("v1.7.0", nil, nil)))
	assert.True(t, plugsDisks(kubevirtWith("v1.7.0", declarative, nil)))
	assert.False(t, plugsDisks(kubevirtWith("v1.8.2", both, nil)), "the older gate wins")
	assert.True(t, plugsDisks(kubevirtWith("v1.9.0", nil, nil)))
	assert.False(t, plugsDisks(kubevirtWith("v1.9.0", nil, declarative)))
	assert.True(t, plugsDisks(kubevirtWith("devel", nil, nil)), "nobody knows")
	assert.False(t, plugsDisks(&kubevirtv1.KubeVirt{Status: kubevirtv1.KubeVirtStatus{ObservedKubeVirtVersion: "v1.7.0"}}))
}

func TestADiskThatKubeVirtDoesNotPlugSaysSo(t *testing.T) {
	vm, observed := withData()
	listed := vm.Spec.Disks
	vm.Spec.Disks = listed[:2]
	run(vm, observed)
	vm.Spec.Disks = listed
	assert.False(t, observed.awaitsPlug())
	observed.machine = desiredMachine(vm, observed)
	assert.True(t, observed.awaitsPlug())
	observed.gateOff = true
	list := diskStatus(vm, observed)
	assert.Equal(t, v1alpha1.DiskAttaching, list[2].Attachment)
	assert.Equal(t, gateOffMessage, list[2].Message)

	vm, observed = withData()
	runPlugged(vm, observed)
	vm.Spec.Disks = vm.Spec.Disks[:2]
	observed.machine = desiredMachine(vm, observed)
	assert.True(t, observed.awaitsPlug())
	observed.gateOff = true
	list = diskStatus(vm, observed)
	assert.Equal(t, gateOffMessage, list[2].Message)
}

// What a cluster needs is in one table.
func TestTheGatesAreInTheTableOfDisks(t *testing.T) {
	text, err := os.ReadFile("../../docs/disks.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "| feature gate |")
	require.True(t, found)
	for _, gate := range []string{gateDeclarative, gateImperative, "ExpandDisks"} {
		assert.Contains(t, table, "`"+gate+"`")
	}
}

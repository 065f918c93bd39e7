package wukongvm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Fault C.6: a missing Secret prevented changes of disks, labels and bandwidth.
func TestAMissingCloudInitSecretFreezesNoGuestThatRuns(t *testing.T) {
	vm, observed := withData()
	vm.Spec.Networks = vm.Spec.Networks[:1] // an address on the other is not known yet
	run(vm, observed)
	vm.Spec.CloudInit = &v1alpha1.CloudInit{
		UserDataSecretRef: &v1alpha1.SecretKeyReference{Name: "gone", Key: "userdata"},
	}
	observed.resolve(vm)
	require.NotNil(t, observed.cloudInit.Cause)
	assert.Equal(t, v1alpha1.ReasonSecretMissing, observed.cloudInit.Cause.Reason)
	assert.False(t, observed.cloudInit.Cause.Blocking)
	observed.Instance = nil
	observed.resolve(vm)
	assert.True(t, observed.cloudInit.Cause.Blocking, "the next guest would start without it")
}

package provisioner

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// A provisioner reports ProvisioningFailed also when another program was faster, and succeeds a moment later.
func TestAConflictIsNoFailureOfAProvisioner(t *testing.T) {
	conflict := apierrors.NewConflict(corev1.Resource("persistentvolumeclaims"), "data",
		errors.New("the object has been modified; please apply your changes to the latest version and try again"))
	assert.True(t, isConflict(&corev1.Event{Message: "Error saving claim: " + conflict.Error()}))
	assert.False(t, isConflict(&corev1.Event{Message: `failed to provision volume with StorageClass "a": ` +
		"rpc error: code = ResourceExhausted desc = pool a is full"}))
}

package wukongdisk

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// A provisioner says ProvisioningFailed, too, when another writer was faster, and has the claim a moment later.
func TestALostRaceIsNoFailureOfAProvisioner(t *testing.T) {
	conflict := apierrors.NewConflict(corev1.Resource("persistentvolumeclaims"), "data",
		errors.New("the object has been modified; please apply your changes to the latest version and try again"))
	assert.True(t, lostRace(&corev1.Event{Message: "Error saving claim: " + conflict.Error()}))
	assert.False(t, lostRace(&corev1.Event{Message: `failed to provision volume with StorageClass "a": rpc error: code = ResourceExhausted desc = pool a is full`}))
}

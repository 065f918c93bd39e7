package provisioner

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A provisioner reports ProvisioningFailed also when another program was faster, and succeeds a moment later.
func TestAConflictIsNoFailureOfAProvisioner(t *testing.T) {
	conflict := apierrors.NewConflict(corev1.Resource("persistentvolumeclaims"), "data",
		errors.New("the object has been modified; please apply your changes to the latest version and try again"))
	assert.True(t, isConflict(&corev1.Event{Message: "Error saving claim: " + conflict.Error()}))
	assert.False(t, isConflict(&corev1.Event{Message: `failed to provision volume with StorageClass "a": ` +
		"rpc error: code = ResourceExhausted desc = pool a is full"}))
}

// The cache lists in no order, and a message that alternates would be a write at each pass.
func TestOfTwoFailuresOfOneSecondOneIsReported(t *testing.T) {
	at := metav1.NewTime(time.Unix(1_800_000_000, 0))
	one, two := &corev1.Event{Message: "a", LastTimestamp: at}, &corev1.Event{Message: "b", LastTimestamp: at}
	assert.True(t, isLater(two, one))
	assert.False(t, isLater(one, two))
	assert.False(t, isLater(one, one))
	one.LastTimestamp = metav1.NewTime(at.Add(time.Second))
	assert.True(t, isLater(one, two))
}

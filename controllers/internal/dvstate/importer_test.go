package dvstate

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
)

// Fault D.6: the message about an untrusted certificate did not contain the fix.
func TestAnUntrustedCertificateIsToldWithTheWayOut(t *testing.T) {
	says := func(message string) string {
		return ImporterSays(&cdiv1.DataVolume{Status: cdiv1.DataVolumeStatus{Conditions: []cdiv1.DataVolumeCondition{{
			Type: cdiv1.DataVolumeRunning, Status: corev1.ConditionFalse, Reason: "Error", Message: message,
		}}}})
	}
	assert.Equal(t, "404 Not Found (Error)", says("404 Not Found"))
	assert.Equal(t, "tls: failed to verify certificate: x509: certificate signed by unknown authority (Error); name "+
		"its CA certificate in certConfigMapRef of the source",
		says("tls: failed to verify certificate: x509: certificate signed by unknown authority"))
}

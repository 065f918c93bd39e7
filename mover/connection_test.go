package mover

import (
	"crypto/x509"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withoutSystem marks the process that runs without the system's certificates, as in the image.
const withoutSystem = "WUKONG_TEST_WITHOUT_SYSTEM_CERTIFICATES"

// Fault C.8: an export to a public HTTPS endpoint, from an image that has no certificates.
func TestPublicAuthoritiesAreTrustedWithoutThoseOfASystem(t *testing.T) {
	if os.Getenv(withoutSystem) == "" {
		command := exec.Command(os.Args[0],
			"-test.run=^TestPublicAuthoritiesAreTrustedWithoutThoseOfASystem$", "-test.v")
		command.Env = append(os.Environ(), withoutSystem+"=true", "SSL_CERT_FILE=/nowhere", "SSL_CERT_DIR=/nowhere")
		output, err := command.CombinedOutput()
		require.NoError(t, err, string(output))
		assert.Contains(t, string(output), "--- PASS")
		return
	}
	transport, err := newTransport("/nowhere")
	require.NoError(t, err)
	assert.False(t, transport.TLSClientConfig.RootCAs.Equal(x509.NewCertPool()), "nothing is trusted")
}

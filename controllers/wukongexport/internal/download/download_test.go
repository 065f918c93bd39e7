package download

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/mover"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func inputs() Inputs {
	export := &v1alpha1.WukongExport{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "monday"}}
	return Inputs{Export: export, ExpiresAt: now.Add(24 * time.Hour), Now: now}
}

// Whoever has the Secret can trust the server, for as long as the link is valid, also when the clocks differ.
func TestTheSecretOfADownload(t *testing.T) {
	in := inputs()
	secret, err := in.Secret()
	require.NoError(t, err)
	token, err := base64.RawURLEncoding.DecodeString(string(secret.Data[mover.TokenFile]))
	require.NoError(t, err)
	assert.Len(t, token, 32)
	_, err = tls.X509KeyPair(secret.Data[mover.CertificateFile], secret.Data[mover.PrivateKeyFile])
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(secret.Data[caKey]))
	pair, err := tls.X509KeyPair(secret.Data[mover.CertificateFile], secret.Data[mover.PrivateKeyFile])
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(pair.Certificate[0])
	require.NoError(t, err)
	for _, name := range []string{model.ExportDownloadName(in.Export) + ".shop.svc", "localhost"} {
		for _, at := range []time.Time{now.Add(-time.Hour), now, in.ExpiresAt.Add(time.Hour)} {
			_, err := certificate.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: at})
			assert.NoError(t, err, "%s at %s", name, at)
		}
	}
}

// A token that a user has stays valid. The Secret of an earlier Job is replaced.
func TestWhichSecretIsOfTheLink(t *testing.T) {
	in := inputs()
	assert.False(t, in.Issued(nil))
	secret, err := in.Secret()
	require.NoError(t, err)
	assert.True(t, in.Issued(secret))
	in.ExpiresAt = in.ExpiresAt.Add(time.Second)
	assert.False(t, in.Issued(secret))
}

func TestTheLinkLeadsToThePod(t *testing.T) {
	in := inputs()
	service := Service(in.Export)
	assert.Equal(t, map[string]string{v1alpha1.LabelExport: "monday"}, service.Spec.Selector)
	assert.Equal(t, "https://"+service.Name+".shop.svc/monday.qcow2", URL(in.Export))
}

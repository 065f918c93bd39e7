package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func parse(t *testing.T, pair Pair) *x509.Certificate {
	t.Helper()
	_, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	require.NoError(t, err, "the key belongs to the certificate")
	block, _ := pem.Decode(pair.Certificate)
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return certificate
}

func TestCertificatesAreGoodForWhatWasAsked(t *testing.T) {
	authority, err := NewAuthority("test")
	require.NoError(t, err)
	base := filepath.Join(t.TempDir(), "pki", "ca")
	require.NoError(t, authority.Write(base))
	authority, err = LoadAuthority(base)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(parse(t, authority.Pair))

	server, err := authority.Issue(Request{
		Name: "system:node:one", Groups: []string{"system:nodes"}, Hosts: []string{"one", "172.30.0.11"},
	})
	require.NoError(t, err)
	certificate := parse(t, server)
	for _, host := range []string{"one", "172.30.0.11"} {
		_, err := certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: host})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"system:nodes"}, certificate.Subject.Organization)

	client, err := authority.Issue(Request{Name: "admin"})
	require.NoError(t, err)
	_, err = parse(t, client).Verify(x509.VerifyOptions{
		Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	require.Error(t, err, "a client's certificate is none for a server")
	_, err = parse(t, client).Verify(x509.VerifyOptions{
		Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	require.NoError(t, err)
}

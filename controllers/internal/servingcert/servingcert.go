// Package servingcert makes what a server needs that a mover runs: a token for its clients, and a certificate that
// signs itself. It reads and writes nothing in the cluster.
package servingcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

const (
	// tokenBytes make a token that cannot be guessed.
	tokenBytes = 32
	// clockSkew is how much the clocks of a cluster may differ.
	clockSkew = time.Hour
)

// Access is a new token, and a new certificate with its key, both in PEM.
type Access struct {
	Token                   string
	Certificate, PrivateKey []byte
}

// New makes the access to a server of a name, with a certificate that is valid between two times. The certificate signs
// itself: whoever reads the token finds the certificate beside it.
func New(host string, from, to time.Time) (Access, error) {
	token := make([]byte, tokenBytes)
	if _, err := rand.Read(token); err != nil {
		return Access{}, fmt.Errorf("make the token: %w", err)
	}
	certificate, key, err := selfSigned(host, from.Add(-clockSkew), to.Add(clockSkew))
	if err != nil {
		return Access{}, fmt.Errorf("make the certificate of %s: %w", host, err)
	}
	return Access{
		Token: base64.RawURLEncoding.EncodeToString(token), Certificate: certificate, PrivateKey: key,
	}, nil
}

func selfSigned(host string, from, to time.Time) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "wukong"},
		// localhost is for users of kubectl port-forward.
		DNSNames: []string{host, host + ".cluster.local", "localhost"}, NotBefore: from, NotAfter: to,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return certificate, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), nil
}

package wukongexport

import (
	"context"
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

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/mover"
)

// The Secret of a download, beside the files that the mover reads.
const caKey = "ca.crt"

// tokenBytes make a token that cannot be guessed.
const tokenBytes = 32

// clockSkew is what the clocks of a cluster may differ.
const clockSkew = time.Hour

// applyDownload makes the Secret with a new token and certificate, and the Service, until the link is served. Both belong to the export.
func (r *Reconciler) applyDownload(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	if export.Spec.Target.Download == nil || observed.serving() {
		return nil
	}
	expiresAt, err := time.Parse(time.RFC3339, observed.job.Annotations[annotationExpiresAt])
	if err != nil {
		return fmt.Errorf("read when the download of Job %s expires: %w", observed.job.Name, err)
	}
	existing, err := r.ownSecret(ctx, export)
	if err != nil {
		return err
	}
	// A token that was given out stays, unless it is that of an earlier Job, whose certificate is over before this one's link.
	if existing == nil || existing.Annotations[annotationExpiresAt] != observed.job.Annotations[annotationExpiresAt] {
		secret, err := downloadSecret(export, r.clock.Now(), expiresAt)
		if err != nil {
			return err
		}
		secret.Annotations = map[string]string{annotationExpiresAt: observed.job.Annotations[annotationExpiresAt]}
		if _, err := apply.Child(ctx, r.uncached, export, secret); err != nil {
			return err
		}
	}
	_, err = apply.Child(ctx, r.uncached, export, downloadService(export))
	return err
}

// ownSecret is the Secret of the download; nil when it does not exist. One of someone else under the name is a conflict: the pod would serve the
// disk to whoever knows the token in it.
func (r *Reconciler) ownSecret(ctx context.Context, export *v1alpha1.WukongExport) (*corev1.Secret, error) {
	secret, err := read.Get(ctx, r.uncached.Client, export.Namespace, model.ExportDownloadName(export), &corev1.Secret{})
	if err == nil && secret != nil && !metav1.IsControlledBy(secret, export) {
		return nil, &apply.NameConflictError{Kind: "Secret", Name: secret.Name}
	}
	return secret, err
}

// downloadHost is the name of the server inside the cluster.
func downloadHost(export *v1alpha1.WukongExport) string {
	return model.ExportDownloadName(export) + "." + export.Namespace + ".svc"
}

func downloadURL(export *v1alpha1.WukongExport) string {
	return "https://" + downloadHost(export) + "/" + fileName(export)
}

func downloadService(export *v1alpha1.WukongExport) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: model.ExportDownloadName(export), Namespace: export.Namespace},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{v1alpha1.LabelExport: export.Name},
			Ports:    []corev1.ServicePort{{Name: "https", Port: 443, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("download")}},
		},
	}
}

// downloadSecret has a token, and a certificate for the server's name, valid as long as the link. It signs itself: whoever reads the
// token reads the certificate beside it.
func downloadSecret(export *v1alpha1.WukongExport, now, expiresAt time.Time) (*corev1.Secret, error) {
	token := make([]byte, tokenBytes)
	if _, err := rand.Read(token); err != nil {
		return nil, fmt.Errorf("make the token: %w", err)
	}
	certificate, key, err := selfSigned(downloadHost(export), now.Add(-clockSkew), expiresAt.Add(clockSkew))
	if err != nil {
		return nil, fmt.Errorf("make the certificate of %s: %w", downloadHost(export), err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: model.ExportDownloadName(export), Namespace: export.Namespace},
		Data: map[string][]byte{
			mover.TokenFile:       []byte(base64.RawURLEncoding.EncodeToString(token)),
			mover.CertificateFile: certificate,
			mover.PrivateKeyFile:  key,
			caKey:                 certificate,
		},
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
		SerialNumber: serial, Subject: pkix.Name{CommonName: "wukong export"},
		// localhost is for those who come by kubectl port-forward.
		DNSNames: []string{host, host + ".cluster.local", "localhost"}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), nil
}

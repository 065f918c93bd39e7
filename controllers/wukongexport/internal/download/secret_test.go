package download

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/job"
	"github.com/novasphere/wukong/mover"
)

// certificateOf is the certificate of a Secret.
func certificateOf(t *testing.T, secret *corev1.Secret) (*x509.Certificate, *x509.CertPool) {
	t.Helper()
	pair, err := tls.X509KeyPair(secret.Data[mover.CertificateFile], secret.Data[mover.PrivateKeyFile])
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(pair.Certificate[0])
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(secret.Data[caKey]))
	return certificate, roots
}

// Each link has its own token and key: who had one may not read the next.
func TestNothingIsUsedTwice(t *testing.T) {
	one, err := inputs().Secret()
	require.NoError(t, err)
	two, err := inputs().Secret()
	require.NoError(t, err)
	assert.Equal(t, one.ObjectMeta, two.ObjectMeta)
	for _, key := range []string{mover.TokenFile, mover.CertificateFile, mover.PrivateKeyFile} {
		assert.NotEqual(t, one.Data[key], two.Data[key], key)
	}
	first, _ := certificateOf(t, one)
	second, _ := certificateOf(t, two)
	assert.NotEqual(t, first.SerialNumber, second.SerialNumber)
	_, roots := certificateOf(t, two)
	_, err = first.Verify(x509.VerifyOptions{DNSName: "localhost", Roots: roots, CurrentTime: now})
	assert.Error(t, err)
}

// The certificate is for this server, for the time of the link, and for nothing else.
func TestWhatTheCertificateIsGoodFor(t *testing.T) {
	in := inputs()
	secret, err := in.Secret()
	require.NoError(t, err)
	certificate, roots := certificateOf(t, secret)
	for name, row := range map[string]struct {
		host  string
		at    time.Time
		usage x509.ExtKeyUsage
		good  bool
	}{
		"in the cluster":         {secret.Name + ".shop.svc", now, x509.ExtKeyUsageServerAuth, true},
		"by its full name":       {secret.Name + ".shop.svc.cluster.local", now, x509.ExtKeyUsageServerAuth, true},
		"by port-forward":        {"localhost", now, x509.ExtKeyUsageServerAuth, true},
		"of another namespace":   {secret.Name + ".lab.svc", now, x509.ExtKeyUsageServerAuth, false},
		"of another export":      {"other.shop.svc", now, x509.ExtKeyUsageServerAuth, false},
		"long before":            {"localhost", now.Add(-2 * time.Hour), x509.ExtKeyUsageServerAuth, false},
		"after the link expired": {"localhost", in.ExpiresAt.Add(2 * time.Hour), x509.ExtKeyUsageServerAuth, false},
		"as a client":            {"localhost", now, x509.ExtKeyUsageClientAuth, false},
	} {
		_, err := certificate.Verify(x509.VerifyOptions{DNSName: row.host, Roots: roots, CurrentTime: row.at,
			KeyUsages: []x509.ExtKeyUsage{row.usage}})
		assert.Equal(t, row.good, err == nil, "%s: %v", name, err)
	}
	assert.Equal(t, secret.Data[mover.CertificateFile], secret.Data[caKey], "what users need, without the key")
}

// The Secret of a Job is recognized after a restart of the manager, which reads the time from the Job.
func TestTheSecretOfTheJob(t *testing.T) {
	in := inputs()
	in.Export.Spec.Source.DiskRef = &v1alpha1.LocalObjectReference{Name: "data"}
	in.Export.Spec.Target.Download = &v1alpha1.DownloadTarget{}
	in.ExpiresAt = in.ExpiresAt.In(time.FixedZone("far", 9*3600)).Add(300 * time.Millisecond)
	made := job.Make(job.Inputs{Export: in.Export, ExpiresAt: in.ExpiresAt,
		Claim: keeptest.Object(builder.Claim("shop", "data", "1Gi"), diskstate.KeepClaim)})
	var err error
	in.ExpiresAt, err = job.ExpiresAt(made)
	require.NoError(t, err)
	secret, err := in.Secret()
	require.NoError(t, err)
	again := inputs()
	again.ExpiresAt, err = job.ExpiresAt(made)
	require.NoError(t, err)
	assert.True(t, again.Issued(secret))
	assert.Equal(t, made.Annotations[job.AnnotationExpiresAt], secret.Annotations[job.AnnotationExpiresAt])
	secret.Annotations = nil
	assert.False(t, again.Issued(secret), "what a user made by the name is replaced")
}

func TestTheNamesOfALink(t *testing.T) {
	in := inputs()
	service := Service(in.Export)
	require.Len(t, service.Spec.Ports, 1)
	assert.EqualValues(t, 443, service.Spec.Ports[0].Port, "the URL has no port")
	in.Export.Spec.Target.Download = &v1alpha1.DownloadTarget{}
	in.Export.Spec.Source.DiskRef = &v1alpha1.LocalObjectReference{Name: "data"}
	pod := job.Make(job.Inputs{Export: in.Export,
		Claim: keeptest.Object(builder.Claim("shop", "data", "1Gi"), diskstate.KeepClaim)}).Spec.Template
	for key, value := range service.Spec.Selector {
		assert.Equal(t, value, pod.Labels[key], "the Service finds the pod")
	}
	var names []string
	for _, port := range pod.Spec.Containers[0].Ports {
		names = append(names, port.Name)
	}
	assert.Contains(t, names, service.Spec.Ports[0].TargetPort.StrVal)
	in.Export.Spec.Format, in.Export.Spec.Compression = v1alpha1.ExportRaw, v1alpha1.ExportGzip
	assert.Equal(t, "https://"+service.Name+".shop.svc/monday.img.gz", URL(in.Export))
}

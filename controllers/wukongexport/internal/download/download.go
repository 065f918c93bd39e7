// Package download makes what a download link consists of: the Secret with a token and a certificate, and the Service.
// It reads and writes nothing in the cluster.
package download

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/controllers/internal/servingcert"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/job"
	"github.com/novasphere/wukong/mover"
)

// caKey has the certificate for users, in the Secret of a download. The other keys are for the mover.
const caKey = "ca.crt"

// Inputs decide about the Secret of a download.
type Inputs struct {
	Export *v1alpha1.WukongExport
	// ExpiresAt is when the link stops to work.
	ExpiresAt time.Time
	Now       time.Time
}

// Issued reports whether a Secret is that of this link; a nil one is not. The certificate of an earlier Job ends before
// the link of this one.
func (in Inputs) Issued(secret *corev1.Secret) bool {
	return secret != nil && secret.Annotations[job.AnnotationExpiresAt] == in.expiry()
}

func (in Inputs) expiry() string { return in.ExpiresAt.Format(time.RFC3339) }

// Secret has a new token, and a certificate for the name of the server that is valid as long as the link. The
// certificate signs itself: whoever reads the token finds the certificate beside it.
func (in Inputs) Secret() (*corev1.Secret, error) {
	access, err := servingcert.New(host(in.Export), in.Now, in.ExpiresAt)
	if err != nil {
		return nil, err
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: model.ExportDownloadName(in.Export), Namespace: in.Export.Namespace,
			Annotations: map[string]string{job.AnnotationExpiresAt: in.expiry()},
		},
		Data: map[string][]byte{
			mover.TokenFile:       []byte(access.Token),
			mover.CertificateFile: access.Certificate,
			mover.PrivateKeyFile:  access.PrivateKey,
			caKey:                 access.Certificate,
		},
	}, nil
}

// Service is the Service of a download.
func Service(export *v1alpha1.WukongExport) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: model.ExportDownloadName(export), Namespace: export.Namespace},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{v1alpha1.LabelExport: export.Name},
			Ports: []corev1.ServicePort{{
				Name: "https", Port: 443, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString(moverpod.DownloadPortName),
			}},
		},
	}
}

// URL is the link of a download, inside the cluster.
func URL(export *v1alpha1.WukongExport) string {
	return "https://" + host(export) + "/" + job.FileName(export)
}

// host is the name of the server inside the cluster.
func host(export *v1alpha1.WukongExport) string {
	return model.ExportDownloadName(export) + "." + export.Namespace + ".svc"
}

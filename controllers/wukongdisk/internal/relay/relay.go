// Package relay describes how a disk is filled from an object in a bucket that has to be verified or decrypted, which
// CDI's importer cannot do: a pod reads the object and offers its content to the importer by HTTPS.
//
//	bucket --object--> pod of the Job (package mover, target relay) --content--> CDI's importer --> claim
//
// The Job owns the Service, the Secret with token and certificate, and the ConfigMap with the certificate for the
// importer: the garbage collector deletes them with it. The DataVolume is written only once the pod has found that it
// can read the object, so that its problems are reported before an importer fails. If the object turns out to be wrong
// at its end, the importer never gets its last bytes, and fails.
package relay

import (
	"math"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/controllers/internal/servingcert"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
	"github.com/novasphere/wukong/mover"
)

const (
	// caKey is the key of the ConfigMap. CDI trusts every key of it.
	caKey = "ca.crt"
	// userName is for Basic authentication, which the importer uses. The relay accepts any.
	userName = "wukong"
	// lifetime is how long the certificate is valid. It exists as long as the Job.
	lifetime = 10 * 365 * 24 * time.Hour
	// defaultRegion is that of a bucket whose region is not given.
	defaultRegion = "us-east-1"
)

// Inputs decide about the relay of a disk.
type Inputs struct {
	backing.View
	Seen
}

// Seen is what was read of a relay, and what its pod is made from.
type Seen struct {
	// Mover is the image that moves the bytes; its name is empty when the manager does not know it.
	Mover kind.Mover
	// AssignsUsers reports that the cluster gives pods the user and group ids of their namespace.
	AssignsUsers bool
	// Job has the name of the relay's Job, and Pod is its newest pod; nil when they do not exist.
	Job *batchv1.Job
	Pod *corev1.Pod
	// Refusal is why the Job makes no pod; empty when nothing reports it.
	Refusal string
}

// Relays reports whether the source of a disk has to be verified or decrypted.
func Relays(disk *v1alpha1.WukongDisk) bool {
	source := disk.Spec.Source
	return source != nil && source.S3 != nil && (source.S3.Checksum != "" || source.S3.Encryption != nil)
}

// Source is what the DataVolume of such a disk is filled from.
func Source(disk *v1alpha1.WukongDisk) *cdiv1.DataVolumeSource {
	name := model.RelayName(disk)
	return &cdiv1.DataVolumeSource{HTTP: &cdiv1.DataVolumeSourceHTTP{
		URL: "https://" + host(disk) + mover.RelayPath, SecretRef: name, CertConfigMap: name,
	}}
}

func host(disk *v1alpha1.WukongDisk) string {
	return model.RelayName(disk) + "." + disk.Namespace + ".svc"
}

// IsNeeded reports whether the disk has not got its bytes yet.
func (in Inputs) IsNeeded() bool {
	if !Relays(in.Disk) || backing.Filled(in.Disk) || in.Moved() || !in.Disk.DeletionTimestamp.IsZero() {
		return false
	}
	if in.DataVolume == nil {
		return in.Claim == nil
	}
	return in.DataVolume.Status.Phase != cdiv1.Succeeded
}

// IsOurs reports whether the Job is the disk's.
func (in Inputs) IsOurs() bool { return in.Job != nil && metav1.IsControlledBy(in.Job, in.Disk) }

// HasEnded reports whether the Job has ended, although a relay never does by itself: the node of its pod was drained,
// or somebody ended the pod.
func (in Inputs) HasEnded() bool { return in.IsOurs() && moverpod.End(in.Job) != nil }

// IsReady reports whether the object is offered.
func (in Inputs) IsReady() bool { return in.IsOurs() && moverpod.Ready(in.Pod) }

// Problem is what prevents that the object is offered, or that it is read to its end; nil for nothing.
func (in Inputs) Problem() *diskstate.Problem {
	if !in.IsNeeded() {
		return nil
	}
	name := model.RelayName(in.Disk)
	switch {
	case in.Mover.Image == "":
		return diskstate.Failed(v1alpha1.ReasonMoverMissing,
			"the manager does not know the image that moves the bytes: start it with --mover-image, "+
				"which is the manager's own image (the chart does so)")
	case in.Job != nil && !in.IsOurs():
		return diskstate.Failed(v1alpha1.ReasonNameConflict,
			"Job %s already exists and is not managed by this disk: it is not changed; "+
				"remove it, or give the disk another name", name)
	case in.IsReady():
		return nil
	case in.Refusal != "":
		return diskstate.Failed(v1alpha1.ReasonApplyRefused, "Job %s may create no pod: %s; it is retried", name, in.Refusal)
	case in.Pod == nil:
		return in.pending("Job %s, which reads the object, has no pod yet", name)
	}
	if report := moverpod.LastReport(in.Pod); report != nil && report.Message != "" {
		reason, message := moverpod.Failure(in.Pod, report)
		return diskstate.Failed(reason, "the object cannot be read: %s; it is retried", message)
	}
	if waits := moverpod.WaitsFor(in.Pod); waits != "" {
		return in.pending("pod %s, which reads the object: %s", in.Pod.Name, waits)
	}
	return in.pending("pod %s opens the object", in.Pod.Name)
}

// pending waits for the relay before the DataVolume exists. Afterwards the importer waits for it, and reports more.
func (in Inputs) pending(format string, arguments ...any) *diskstate.Problem {
	if in.DataVolume != nil {
		return nil
	}
	return diskstate.Pending(v1alpha1.ReasonPending, format, arguments...)
}

// DesiredJob is the Job. It is written once. Kubelet restarts the container, later and later, until the object can be
// read: a user may correct a Secret.
func (in Inputs) DesiredJob() *batchv1.Job {
	source, name := in.Disk.Spec.Source.S3, model.RelayName(in.Disk)
	mounted := moverpod.Mounted{}
	mounted.Bucket(source.SecretRef, source.CertConfigMapRef, source.Encryption)
	mounted.Secret("serving", mover.ServingPath, name, false,
		mover.TokenFile, mover.CertificateFile, mover.PrivateKeyFile)
	options := mover.Options{
		Target: mover.TargetRelay, Location: source.URL, Region: source.Region, Checksum: source.Checksum,
		Encrypted: source.Encryption != nil,
	}
	if options.Region == "" {
		options.Region = defaultRegion
	}
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: in.Disk.Namespace},
		Spec: batchv1.JobSpec{
			BackoffLimit: ptr.To[int32](math.MaxInt32),
			Template: moverpod.Pod{
				Mover: in.Mover, AssignsUsers: in.AssignsUsers, Labels: map[string]string{v1alpha1.LabelRelay: name},
				Options: options, Mounted: mounted, Serves: true, RestartPolicy: corev1.RestartPolicyOnFailure,
			}.Template(),
		},
	}
}

// Access makes the Secret with a new token and certificate, and the ConfigMap with the certificate. CDI sends the keys
// accessKeyId and secretKey by Basic authentication.
func (in Inputs) Access(now time.Time) (*corev1.Secret, *corev1.ConfigMap, error) {
	access, err := servingcert.New(host(in.Disk), now, now.Add(lifetime))
	if err != nil {
		return nil, nil, err
	}
	metadata := metav1.ObjectMeta{Name: model.RelayName(in.Disk), Namespace: in.Disk.Namespace}
	return &corev1.Secret{ObjectMeta: metadata, Data: map[string][]byte{
			mover.AccessKeyFile: []byte(userName), mover.SecretKeyFile: []byte(access.Token),
			mover.TokenFile: []byte(access.Token), mover.CertificateFile: access.Certificate,
			mover.PrivateKeyFile: access.PrivateKey,
		}},
		&corev1.ConfigMap{ObjectMeta: metadata, Data: map[string]string{caKey: string(access.Certificate)}}, nil
}

// Service is how the importer finds the pod.
func (in Inputs) Service() *corev1.Service {
	name := model.RelayName(in.Disk)
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: in.Disk.Namespace},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{v1alpha1.LabelRelay: name},
			Ports: []corev1.ServicePort{{
				Name: "https", Port: 443, Protocol: corev1.ProtocolTCP,
				TargetPort: intstr.FromString(moverpod.DownloadPortName),
			}},
		},
	}
}

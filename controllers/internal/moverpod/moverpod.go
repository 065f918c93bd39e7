// Package moverpod makes the pods that run the mover (package mover). They meet the Pod Security Standard "restricted",
// and have no token for the API server. It reads and writes nothing.
package moverpod

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/mover"
)

const (
	// ContainerName is the container that moves the bytes.
	ContainerName = "mover"
	// StatusPortName is the port at which the container reports its progress.
	StatusPortName = "status"
	// DownloadPortName is the port at which the container serves a file.
	DownloadPortName = "download"

	// qemuUser owns the files and devices of disks: CDI writes them as this user (CDI pkg/common, QemuSubGid), and
	// KubeVirt's pods read them so.
	qemuUser = 107
)

// Pod describes the pod of a mover.
type Pod struct {
	// Mover is the image that moves the bytes, and how it is pulled.
	Mover kind.Mover
	// AssignsUsers reports that the cluster gives pods the user and group ids of their namespace, and refuses others
	// (OpenShift).
	AssignsUsers bool
	// Labels of the pod besides that of managed objects.
	Labels map[string]string
	// Options are the arguments of the program.
	Options mover.Options
	// Mounted is what the container reads.
	Mounted Mounted
	// Serves: the container serves a file at the download port. The pod is ready once it does.
	Serves bool
	// RestartPolicy is Never or OnFailure.
	RestartPolicy corev1.RestartPolicy
}

// Template is the template of the pod.
func (p Pod) Template() corev1.PodTemplateSpec {
	spec := corev1.PodSpec{
		RestartPolicy:                 p.RestartPolicy,
		AutomountServiceAccountToken:  ptr.To(false),
		EnableServiceLinks:            ptr.To(false),
		TerminationGracePeriodSeconds: ptr.To[int64](10),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true),
			RunAsUser:    ptr.To[int64](qemuUser), RunAsGroup: ptr.To[int64](qemuUser),
			FSGroup: ptr.To[int64](qemuUser),
			// Otherwise kubelet would walk through a restored volume with many files at each start.
			FSGroupChangePolicy: ptr.To(corev1.FSGroupChangeOnRootMismatch),
			SeccompProfile:      &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{p.container()},
		Volumes:    p.Mounted.Volumes,
	}
	for _, name := range p.Mover.PullSecrets {
		spec.ImagePullSecrets = append(spec.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	if p.AssignsUsers {
		ids := spec.SecurityContext
		ids.RunAsUser, ids.RunAsGroup, ids.FSGroup = nil, nil, nil
	}
	labels := map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue}
	for key, value := range p.Labels {
		labels[key] = value
	}
	return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec}
}

func (p Pod) container() corev1.Container {
	container := corev1.Container{
		Name:  ContainerName,
		Image: p.Mover.Image,
		Args:  p.Options.Arguments(),
		Ports: []corev1.ContainerPort{{Name: StatusPortName, ContainerPort: mover.StatusPort}},
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("64Mi"),
		}},
		VolumeMounts:  p.Mounted.Mounts,
		VolumeDevices: p.Mounted.Devices,
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr.To(false),
			ReadOnlyRootFilesystem:   ptr.To(true),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}
	if p.Serves {
		container.Ports = append(
			container.Ports, corev1.ContainerPort{Name: DownloadPortName, ContainerPort: mover.DownloadPort})
		ready := &corev1.HTTPGetAction{Path: mover.ReadyPath, Port: intstr.FromString(StatusPortName)}
		container.ReadinessProbe = &corev1.Probe{
			ProbeHandler: corev1.ProbeHandler{HTTPGet: ready}, PeriodSeconds: 2,
		}
	}
	return container
}

// Mounted are volumes of the pod, and where the container has them.
type Mounted struct {
	Volumes []corev1.Volume
	Mounts  []corev1.VolumeMount
	Devices []corev1.VolumeDevice
}

// Bucket mounts what a user provides for an S3 bucket: the credentials, the certificates to trust, and the keys of an
// encryption. They are optional for kubelet, so that the mover reports what is missing: a pod that does not start would
// report it in an event only.
func (m *Mounted) Bucket(
	secret *v1alpha1.LocalObjectReference, certificates *v1alpha1.LocalObjectReference, encryption *v1alpha1.Encryption,
) {
	if secret != nil {
		m.Secret("credentials", mover.CredentialsPath, secret.Name, true, mover.AccessKeyFile, mover.SecretKeyFile)
	}
	if certificates != nil {
		m.ConfigMap("certificates", mover.CertificatesPath, certificates.Name, true)
	}
	if encryption != nil {
		m.Secret("encryption", mover.EncryptionPath, encryption.SecretRef.Name, true,
			mover.RecipientFile, mover.IdentityFile)
	}
}

// Secret mounts keys of a Secret. An optional one, or an optional key, need not exist.
func (m *Mounted) Secret(name, path, secret string, optional bool, keys ...string) {
	m.add(name, path, corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
		SecretName: secret, Optional: ptr.To(optional), Items: items(keys),
	}})
}

// ConfigMap mounts all keys of a ConfigMap.
func (m *Mounted) ConfigMap(name, path, configMap string, optional bool) {
	m.add(name, path, corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: configMap}, Optional: ptr.To(optional),
	}})
}

func (m *Mounted) add(name, path string, source corev1.VolumeSource) {
	m.Volumes = append(m.Volumes, corev1.Volume{Name: name, VolumeSource: source})
	m.Mounts = append(m.Mounts, corev1.VolumeMount{Name: name, MountPath: path, ReadOnly: true})
}

func items(keys []string) []corev1.KeyToPath {
	var result []corev1.KeyToPath
	for _, key := range keys {
		path := key
		if strings.HasPrefix(key, ".") {
			path = mover.DockerConfigFile
		}
		result = append(result, corev1.KeyToPath{Key: key, Path: path})
	}
	return result
}

package job

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/mover"
)

// sourceVolumeName is the volume of the Job's pod that is read.
const sourceVolumeName = "source"

// mounted are volumes of the pod, and where the container has them.
type mounted struct {
	volumes []corev1.Volume
	mounts  []corev1.VolumeMount
	devices []corev1.VolumeDevice
}

// source is the claim. A file system is mounted read-only. A device is only opened for reading.
func (in Inputs) source() mounted {
	claim, mode := model.ExportClaimName(in.Export), corev1.PersistentVolumeFilesystem
	// Where the namespace gives the pod its user, the pod may read the files because kubelet gives them to its group.
	// Kubelet does that for no read-only volume (k8s.io/kubernetes, pkg/volume/csi/csi_mounter.go, supportsFSGroup).
	readOnly := !in.AssignsUsers || !regroups(in.Claim)
	if in.Export.Spec.Source.VolumeSnapshot != nil {
		mode = in.RestoredMode
		// Some drivers have to prepare a new volume for its first mount, which they cannot do read-only.
		readOnly = false
	} else {
		claim, mode = in.Claim.Name, ptr.Deref(in.Claim.Spec.VolumeMode, mode)
	}
	source := mounted{volumes: []corev1.Volume{{Name: sourceVolumeName, VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim, ReadOnly: readOnly},
	}}}}
	if mode == corev1.PersistentVolumeBlock {
		source.devices = []corev1.VolumeDevice{{Name: sourceVolumeName, DevicePath: mover.DevicePath}}
	} else {
		source.mounts = []corev1.VolumeMount{{Name: sourceVolumeName, MountPath: mover.FolderPath, ReadOnly: true}}
	}
	return source
}

// regroups reports whether kubelet gives the files of a claim to the group of a pod that may write, and may do so:
// nobody may change a claim that many pods read.
func regroups(claim *corev1.PersistentVolumeClaim) bool {
	return claim != nil &&
		ptr.Deref(claim.Spec.VolumeMode, corev1.PersistentVolumeFilesystem) == corev1.PersistentVolumeFilesystem &&
		!slices.Contains(claim.Spec.AccessModes, corev1.ReadOnlyMany)
}

// targetOf are the Secret and the certificates of the target. Those of a user are optional for kubelet, so that the
// mover reports what is missing: a pod that does not start would report it in an event only. Kubelet waits for the
// Secret of a download, which is made after the Job.
func targetOf(export *v1alpha1.WukongExport) mounted {
	var secret, certificates *v1alpha1.LocalObjectReference
	keys := []string{mover.AccessKeyFile, mover.SecretKeyFile}
	switch target := export.Spec.Target; {
	case target.S3 != nil:
		secret, certificates = &target.S3.SecretRef, target.S3.CertConfigMapRef
	case target.Registry != nil:
		secret, certificates = target.Registry.SecretRef, target.Registry.CertConfigMapRef
		keys = append(keys, corev1.DockerConfigJsonKey)
	default:
		secret = &v1alpha1.LocalObjectReference{Name: model.ExportDownloadName(export)}
		keys = []string{mover.TokenFile, mover.CertificateFile, mover.PrivateKeyFile}
	}
	var target mounted
	if secret != nil {
		target.add("credentials", mover.CredentialsPath, corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: secret.Name, Optional: ptr.To(export.Spec.Target.Download == nil), Items: items(keys),
		}})
	}
	if certificates != nil {
		target.add("certificates", mover.CertificatesPath, corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: certificates.Name}, Optional: ptr.To(true),
		}})
	}
	return target
}

func (m *mounted) add(name, path string, source corev1.VolumeSource) {
	m.volumes = append(m.volumes, corev1.Volume{Name: name, VolumeSource: source})
	m.mounts = append(m.mounts, corev1.VolumeMount{Name: name, MountPath: path, ReadOnly: true})
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

package job

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/mover"
)

// sourceVolumeName is the volume of the Job's pod that is read.
const sourceVolumeName = "source"

// source is the claim. A file system is mounted read-only. A device is only opened for reading.
func (in Inputs) source() moverpod.Mounted {
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
	source := moverpod.Mounted{Volumes: []corev1.Volume{{Name: sourceVolumeName, VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim, ReadOnly: readOnly},
	}}}}
	if mode == corev1.PersistentVolumeBlock {
		source.Devices = []corev1.VolumeDevice{{Name: sourceVolumeName, DevicePath: mover.DevicePath}}
	} else {
		source.Mounts = []corev1.VolumeMount{{Name: sourceVolumeName, MountPath: mover.FolderPath, ReadOnly: true}}
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

// mountTarget mounts the Secret and the certificates of the target. Those of a user are optional for kubelet: see
// moverpod. Kubelet waits for the Secret of a download, which is made after the Job.
func mountTarget(mounted *moverpod.Mounted, export *v1alpha1.WukongExport) {
	switch target := export.Spec.Target; {
	case target.S3 != nil:
		mounted.Bucket(&target.S3.SecretRef, target.S3.CertConfigMapRef, target.S3.Encryption)
	case target.Registry != nil:
		if secret := target.Registry.SecretRef; secret != nil {
			mounted.Secret("credentials", mover.CredentialsPath, secret.Name, true,
				mover.AccessKeyFile, mover.SecretKeyFile, corev1.DockerConfigJsonKey)
		}
		if certificates := target.Registry.CertConfigMapRef; certificates != nil {
			mounted.ConfigMap("certificates", mover.CertificatesPath, certificates.Name, true)
		}
	default:
		mounted.Secret("credentials", mover.CredentialsPath, model.ExportDownloadName(export), false,
			mover.TokenFile, mover.CertificateFile, mover.PrivateKeyFile)
	}
}

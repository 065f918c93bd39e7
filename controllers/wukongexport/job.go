package wukongexport

import (
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/mover"
)

const (
	// annotationExpiresAt is on the Job of a download: when the link stops to work (RFC 3339).
	annotationExpiresAt = v1alpha1.GroupName + "/expires-at"

	// attempts is how often a transfer is tried. The Job controller waits 10 s after the first failure, and twice as long after each
	// further one: five minutes in all, in which a person may mend a Secret, and a target may come back.
	attempts = 6

	// qemuUser owns the files and devices of disks: CDI writes them as this user (CDI pkg/common, QemuSubGid), and KubeVirt's pods read them so.
	qemuUser = 107

	containerName = "mover"

	// sourceVolumeName is the volume of the Job's pod that is read.
	sourceVolumeName = "source"
)

// desiredJob is the Job of an export. It is written once: a Job's template cannot change, and a new manager must not disturb the
// transfer that an older one began.
func desiredJob(
	export *v1alpha1.WukongExport, observed *observation, with kind.Mover, expiresAt metav1.Time,
) *batchv1.Job {
	volumes, mounts, devices := sourceVolume(export, observed)
	options := moverOptions(export, len(devices) > 0, expiresAt.Time)
	more, moreMounts := targetVolumes(export)
	container := corev1.Container{
		Name:  containerName,
		Image: with.Image,
		Args:  options.Arguments(),
		Ports: []corev1.ContainerPort{{Name: "status", ContainerPort: mover.StatusPort}},
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("64Mi"),
		}},
		VolumeMounts:  append(mounts, moreMounts...),
		VolumeDevices: devices,
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr.To(false),
			ReadOnlyRootFilesystem:   ptr.To(true),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: model.ExportJobName(export), Namespace: export.Namespace},
		Spec: batchv1.JobSpec{
			BackoffLimit: ptr.To[int32](attempts - 1),
			// A node that is drained, or goes away, is no failure of the transfer.
			PodFailurePolicy: &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{
				Action:          batchv1.PodFailurePolicyActionIgnore,
				OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}},
			}}},
		},
	}
	if export.Spec.Target.Download != nil {
		job.Annotations = map[string]string{annotationExpiresAt: expiresAt.UTC().Format(time.RFC3339)}
		container.Ports = append(container.Ports, corev1.ContainerPort{Name: "download", ContainerPort: mover.DownloadPort})
		container.ReadinessProbe = &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: mover.ReadyPath, Port: intstr.FromString("status")}},
			PeriodSeconds: 2,
		}
	}
	job.Spec.Template = podTemplate(export, container, append(volumes, more...))
	for _, name := range with.PullSecrets {
		job.Spec.Template.Spec.ImagePullSecrets = append(job.Spec.Template.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	if observed.assignsUsers {
		ids := job.Spec.Template.Spec.SecurityContext
		ids.RunAsUser, ids.RunAsGroup, ids.FSGroup = nil, nil, nil
	}
	return job
}

// podTemplate keeps to the Pod Security Standard "restricted", and has no token for the API server.
func podTemplate(export *v1alpha1.WukongExport, container corev1.Container, volumes []corev1.Volume) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{
			v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue, v1alpha1.LabelExport: export.Name,
		}},
		Spec: corev1.PodSpec{
			RestartPolicy:                 corev1.RestartPolicyNever,
			AutomountServiceAccountToken:  ptr.To(false),
			EnableServiceLinks:            ptr.To(false),
			TerminationGracePeriodSeconds: ptr.To[int64](10),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](qemuUser), RunAsGroup: ptr.To[int64](qemuUser), FSGroup: ptr.To[int64](qemuUser),
				// A restored volume with many files would otherwise be walked through at each start.
				FSGroupChangePolicy: ptr.To(corev1.FSGroupChangeOnRootMismatch),
				SeccompProfile:      &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{container},
			Volumes:    volumes,
		},
	}
}

func moverOptions(export *v1alpha1.WukongExport, block bool, expiresAt time.Time) mover.Options {
	options := mover.Options{
		Source: mover.FolderPath, Format: string(export.Spec.Format), Compression: string(export.Spec.Compression), FileName: fileName(export),
	}
	if block {
		options.Source = mover.DevicePath
	}
	switch target := export.Spec.Target; {
	case target.S3 != nil:
		options.Target, options.Location, options.Region = mover.TargetS3, target.S3.URL, target.S3.Region
	case target.Registry != nil:
		options.Target, options.Location, options.Insecure = mover.TargetRegistry, target.Registry.Image, target.Registry.Insecure
	default:
		options.Target, options.ExpiresAt = mover.TargetDownload, expiresAt
	}
	return options
}

// sourceVolume is the claim, read-only where it is a file system: a device is only opened for reading.
func sourceVolume(export *v1alpha1.WukongExport, observed *observation) ([]corev1.Volume, []corev1.VolumeMount, []corev1.VolumeDevice) {
	const name = sourceVolumeName
	claim, mode := model.ExportClaimName(export), corev1.PersistentVolumeFilesystem
	// Where the namespace gives the pod its user, the files are its by the group that kubelet gives them, which it does to no volume that is read-only
	// (k8s.io/kubernetes, pkg/volume/csi/csi_mounter.go, supportsFSGroup).
	readOnly := !observed.assignsUsers || !regroups(observed.claim)
	if export.Spec.Source.VolumeSnapshot != nil {
		_, mode = restoredAs(export, observed)
		// A new volume may have to be made fit for its first mount, which some drivers cannot do read-only.
		readOnly = false
	} else {
		claim, mode = observed.claim.Name, ptr.Deref(observed.claim.Spec.VolumeMode, mode)
	}
	volumes := []corev1.Volume{{Name: name, VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim, ReadOnly: readOnly},
	}}}
	if mode == corev1.PersistentVolumeBlock {
		return volumes, nil, []corev1.VolumeDevice{{Name: name, DevicePath: mover.DevicePath}}
	}
	return volumes, []corev1.VolumeMount{{Name: name, MountPath: mover.FolderPath, ReadOnly: true}}, nil
}

// regroups reports whether kubelet gives the files of a claim to the group of a pod that may write, and may: a claim that is read by many is nobody's to change.
func regroups(claim *corev1.PersistentVolumeClaim) bool {
	return claim != nil && ptr.Deref(claim.Spec.VolumeMode, corev1.PersistentVolumeFilesystem) == corev1.PersistentVolumeFilesystem &&
		!slices.Contains(claim.Spec.AccessModes, corev1.ReadOnlyMany)
}

// claimOfJob is the name of the claim that a Job reads.
func claimOfJob(job *batchv1.Job) string {
	for _, volume := range job.Spec.Template.Spec.Volumes {
		if volume.Name == sourceVolumeName && volume.PersistentVolumeClaim != nil {
			return volume.PersistentVolumeClaim.ClaimName
		}
	}
	return ""
}

// targetVolumes are the Secret and the certificates of the target. Those of a person are optional for kubelet: the mover says in plain words
// what is missing, where a pod that does not start would say it in an event. Our own, which is made after the Job, is waited for.
func targetVolumes(export *v1alpha1.WukongExport) ([]corev1.Volume, []corev1.VolumeMount) {
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
	var volumes []corev1.Volume
	var mounts []corev1.VolumeMount
	if secret != nil {
		volumes = append(volumes, corev1.Volume{Name: "credentials", VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: secret.Name, Optional: ptr.To(export.Spec.Target.Download == nil), Items: items(keys)},
		}})
		mounts = append(mounts, corev1.VolumeMount{Name: "credentials", MountPath: mover.CredentialsPath, ReadOnly: true})
	}
	if certificates != nil {
		volumes = append(volumes, corev1.Volume{Name: "certificates", VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: certificates.Name}, Optional: ptr.To(true)},
		}})
		mounts = append(mounts, corev1.VolumeMount{Name: "certificates", MountPath: mover.CertificatesPath, ReadOnly: true})
	}
	return volumes, mounts
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

// end is the condition that says that the Job is over; nil while it is not, when what it read is torn, and while the last word of its pod, which
// the status of a finished export keeps for ever, has not come: the two come by different caches.
func (o *observation) end() *batchv1.JobCondition {
	if o.void {
		return nil
	}
	if o.pod != nil && o.pod.Status.Phase != corev1.PodSucceeded && o.pod.Status.Phase != corev1.PodFailed {
		return nil
	}
	return jobEnd(o.job)
}

// reading tells whether the pod has the claim, which stays for as long (k8s.io/kubernetes, pkg/controller/volume/pvcprotection).
func (o *observation) reading() bool { return o.pod != nil && o.pod.Status.Phase == corev1.PodRunning }

// jobEnd is the condition that says that a Job is over; nil while it is not.
func jobEnd(job *batchv1.Job) *batchv1.JobCondition {
	for i := range job.Status.Conditions {
		condition := &job.Status.Conditions[i]
		if (condition.Type == batchv1.JobComplete || condition.Type == batchv1.JobFailed) && condition.Status == corev1.ConditionTrue {
			return condition
		}
	}
	return nil
}

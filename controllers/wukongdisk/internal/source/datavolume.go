package source

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/relay"
)

// Desired is the DataVolume that a disk needs. CDI's StorageProfile decides about access modes and volume mode that
// the spec does not have, so that a disk can migrate live whenever its class can. The spec of a DataVolume cannot
// change. So one that exists keeps its size (the claim grows), its class (the disk moves) and its source, whatever the
// origin of a clone is by now.
func (in Inputs) Desired() *cdiv1.DataVolume {
	disk := in.Disk
	requests := corev1.ResourceList{corev1.ResourceStorage: *disk.Spec.Size}
	class, source := disk.Spec.StorageClassName, plainSource(disk)
	var sourceRef *cdiv1.DataVolumeSourceRef
	if in.Origin != nil {
		source = in.Origin.source
		if in.Origin.sizeless {
			requests = nil
		}
	}
	if existing := in.DataVolume; existing != nil && existing.Spec.Storage != nil {
		requests, class = existing.Spec.Storage.Resources.Requests, existing.Spec.Storage.StorageClassName
		if source == nil {
			source, sourceRef = existing.Spec.Source, existing.Spec.SourceRef
		}
	}
	storage := &cdiv1.StorageSpec{
		StorageClassName: class,
		VolumeMode:       disk.Spec.VolumeMode,
		Resources:        corev1.VolumeResourceRequirements{Requests: requests},
	}
	for _, mode := range disk.Spec.AccessModes {
		storage.AccessModes = append(storage.AccessModes, corev1.PersistentVolumeAccessMode(mode))
	}
	return &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{Name: disk.Name, Namespace: disk.Namespace, Annotations: in.annotations()},
		Spec:       cdiv1.DataVolumeSpec{Source: source, SourceRef: sourceRef, Storage: storage},
	}
}

// annotations ask CDI to keep a finished DataVolume, because it owns the claim, and never to fill it twice. On a class
// that binds at first use they ask it to fill at once: an upload, because no guest can use the disk before and the user
// who has the bytes waits, a disk that another object waits for, and one with a relay, whose pod would run until then.
// The request is never withdrawn.
func (in Inputs) annotations() map[string]string {
	result := map[string]string{
		dvstate.AnnotationDeleteAfterCompletion: "false",
		dvstate.AnnotationPopulatedFor:          in.Disk.Name,
	}
	upload := in.Disk.Spec.Source != nil && in.Disk.Spec.Source.Upload != nil
	existing := in.DataVolume
	requested := existing != nil && existing.Annotations[dvstate.AnnotationBindNow] != ""
	if upload || in.Awaited || requested || relay.Relays(in.Disk) {
		result[dvstate.AnnotationBindNow] = "true"
	}
	return result
}

// BindNow reports whether the claim itself has to ask CDI to fill it at once. CDI reads the claim's own annotation
// (pkg/controller/populators/util.go, shouldReconcile), and copies those of the DataVolume only when it makes the
// claim.
func (in Inputs) BindNow() bool {
	return in.Awaited && in.Claim != nil && in.Claim.Status.Phase == corev1.ClaimPending &&
		in.Claim.Annotations[dvstate.AnnotationBindNow] == ""
}

// plainSource is the source of a disk that is no clone, else nil.
func plainSource(disk *v1alpha1.WukongDisk) *cdiv1.DataVolumeSource {
	source := disk.Spec.Source
	switch {
	case relay.Relays(disk):
		return relay.Source(disk)
	case source == nil || source.Blank != nil:
		return &cdiv1.DataVolumeSource{Blank: &cdiv1.DataVolumeBlankImage{}}
	case source.HTTP != nil:
		return &cdiv1.DataVolumeSource{HTTP: &cdiv1.DataVolumeSourceHTTP{
			URL:           source.HTTP.URL,
			SecretRef:     name(source.HTTP.SecretRef),
			CertConfigMap: name(source.HTTP.CertConfigMapRef),
		}}
	case source.Registry != nil:
		return &cdiv1.DataVolumeSource{Registry: registrySource(source.Registry)}
	case source.S3 != nil:
		return &cdiv1.DataVolumeSource{S3: &cdiv1.DataVolumeSourceS3{
			URL:           source.S3.URL,
			SecretRef:     name(source.S3.SecretRef),
			CertConfigMap: name(source.S3.CertConfigMapRef),
		}}
	case source.Upload != nil:
		return &cdiv1.DataVolumeSource{Upload: &cdiv1.DataVolumeSourceUpload{}}
	case source.GCS != nil:
		return &cdiv1.DataVolumeSource{GCS: &cdiv1.DataVolumeSourceGCS{
			URL: source.GCS.URL, SecretRef: name(source.GCS.SecretRef),
		}}
	default:
		return nil
	}
}

// registrySource adds the scheme of the URL, which users omit and CDI requires (pkg/importer/registry-datasource.go).
func registrySource(registry *v1alpha1.RegistrySource) *cdiv1.DataVolumeSourceRegistry {
	url := registry.URL
	if !strings.Contains(url, "://") {
		url = "docker://" + url
	}
	result := &cdiv1.DataVolumeSourceRegistry{URL: &url}
	if registry.SecretRef != nil {
		result.SecretRef = &registry.SecretRef.Name
	}
	if registry.CertConfigMapRef != nil {
		result.CertConfigMap = &registry.CertConfigMapRef.Name
	}
	return result
}

func name(reference *v1alpha1.LocalObjectReference) string {
	if reference == nil {
		return ""
	}
	return reference.Name
}

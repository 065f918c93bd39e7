package wukongdisk

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

// applyDataVolume writes the DataVolume, unless something stands in its way, and records it in the observation. A finished
// claim of ours without a DataVolume needs none: CDI may collect finished DataVolumes as garbage.
func (r *Reconciler) applyDataVolume(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if disk.AdoptsClaim() || obstacle(disk, observed) != nil {
		return nil
	}
	if observed.dataVolume == nil && observed.claim != nil {
		return nil
	}
	if observed.claimName(disk) != disk.Name {
		return nil // it moved here, and is not filled from its source again
	}
	if begun, err := r.beginAgain(ctx, disk, observed); begun || err != nil {
		return err
	}
	if err := r.seal(ctx, observed.dataVolume); err != nil {
		return err
	}
	applied, err := r.bringVolume(ctx, disk, desiredDataVolume(disk, observed))
	if err != nil {
		return err
	}
	observed.dataVolume = applied
	return r.bindNow(ctx, observed)
}

// bringVolume writes a DataVolume. One that shall outlive the disk until its claim is set free does not refer to it.
func (r *Reconciler) bringVolume(ctx context.Context, disk *v1alpha1.WukongDisk, desired *cdiv1.DataVolume) (*cdiv1.DataVolume, error) {
	if !retains(disk) {
		return apply.Child(ctx, r.applier, disk, desired)
	}
	return apply.Retained(ctx, r.applier, disk, desired)
}

// desiredDataVolume is the DataVolume of a disk. Access modes and volume mode are left to CDI's StorageProfile when the spec
// does not say them, so that a disk can migrate live whenever its class can. The spec of a DataVolume cannot change: one that exists
// keeps its size, and the claim grows, and its class, and the disk moves; and it keeps what it is a clone of, whatever became of that.
func desiredDataVolume(disk *v1alpha1.WukongDisk, observed *observation) *cdiv1.DataVolume {
	requests := corev1.ResourceList{corev1.ResourceStorage: *disk.Spec.Size}
	class, source := disk.Spec.StorageClassName, dataVolumeSource(disk.Spec.Source)
	var sourceRef *cdiv1.DataVolumeSourceRef
	if observed.origin != nil {
		source = observed.origin.source
		if observed.origin.sizeless {
			requests = nil
		}
	}
	if existing := observed.dataVolume; existing != nil && existing.Spec.Storage != nil {
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
		ObjectMeta: metav1.ObjectMeta{Name: disk.Name, Namespace: disk.Namespace, Annotations: annotations(disk, observed)},
		Spec:       cdiv1.DataVolumeSpec{Source: source, SourceRef: sourceRef, Storage: storage},
	}
}

// annotations tell CDI to keep a finished DataVolume, which is what the claim belongs to; never to fill it twice; and to fill at once, on a class that binds at first use,
// an upload, because no machine can use the disk before the bytes are there and the person who has them waits, and a disk that something else
// waits for. What was asked for stays so.
func annotations(disk *v1alpha1.WukongDisk, observed *observation) map[string]string {
	result := map[string]string{dvstate.AnnotationDeleteAfterCompletion: "false", dvstate.AnnotationPopulatedFor: disk.Name}
	upload := disk.Spec.Source != nil && disk.Spec.Source.Upload != nil
	asked := observed.dataVolume != nil && observed.dataVolume.Annotations[dvstate.AnnotationBindNow] != ""
	if upload || observed.awaited || asked {
		result[dvstate.AnnotationBindNow] = "true"
	}
	return result
}

// dataVolumeSource is the source of a disk that is no clone, else nil.
func dataVolumeSource(source *v1alpha1.WukongDiskSource) *cdiv1.DataVolumeSource {
	switch {
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
		return &cdiv1.DataVolumeSource{GCS: &cdiv1.DataVolumeSourceGCS{URL: source.GCS.URL, SecretRef: name(source.GCS.SecretRef)}}
	default:
		return nil
	}
}

// registrySource adds the scheme that CDI demands (pkg/importer/registry-datasource.go parses nothing else) and a person
// leaves out.
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

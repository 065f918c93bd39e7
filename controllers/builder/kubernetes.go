package builder

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Secret with text in it.
func Secret(namespace, name string, data map[string]string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: meta(namespace, name), StringData: data}
}

// ConfigMap with text in it.
func ConfigMap(namespace, name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: meta(namespace, name), Data: data}
}

// Quota allows no more of a resource than that, such as 2Gi of requests.storage.
func Quota(namespace, name string, of corev1.ResourceName, hard string) *corev1.ResourceQuota {
	return &corev1.ResourceQuota{
		ObjectMeta: meta(namespace, name),
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{of: resource.MustParse(hard)}},
	}
}

// ClaimOption changes the spec of a claim.
type ClaimOption = func(*corev1.PersistentVolumeClaimSpec)

// Claim is a PersistentVolumeClaim that several nodes may have, on the default class.
func Claim(namespace, name, size string, options ...ClaimOption) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: meta(namespace, name),
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)},
			},
		},
	}
	apply(&claim.Spec, options)
	return claim
}

// ClaimOfClass is on a StorageClass.
func ClaimOfClass(name string) ClaimOption {
	return func(spec *corev1.PersistentVolumeClaimSpec) { spec.StorageClassName = &name }
}

// ClaimOfMode is a volume of a mode.
func ClaimOfMode(mode corev1.PersistentVolumeMode) ClaimOption {
	return func(spec *corev1.PersistentVolumeClaimSpec) { spec.VolumeMode = &mode }
}

// VolumeSnapshot is one of a claim. It is not typed, so that whoever imports this package need not know the module of
// its type.
func VolumeSnapshot(namespace, name, claim string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot",
		"metadata": map[string]any{"namespace": namespace, "name": name},
		"spec":     map[string]any{"source": map[string]any{"persistentVolumeClaimName": claim}},
	}}
}

// DataVolume names one that exists or existed, to be read or waited for. It is not typed for the same reason.
func DataVolume(namespace, name string) *unstructured.Unstructured {
	volume := &unstructured.Unstructured{}
	volume.SetAPIVersion("cdi.kubevirt.io/v1beta1")
	volume.SetKind("DataVolume")
	volume.SetNamespace(namespace)
	volume.SetName(name)
	return volume
}

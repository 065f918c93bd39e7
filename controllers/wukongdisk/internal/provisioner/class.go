package provisioner

import (
	"context"
	"fmt"
	"slices"

	storagev1 "k8s.io/api/storage/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/read"
)

// Annotations that mark the default StorageClass. That of KubeVirt, for virtual machines, has priority over that of
// Kubernetes.
const (
	annotationDefaultVirtClass = "storageclass.kubevirt.io/is-default-virt-class"
	annotationDefaultClass     = "storageclass.kubernetes.io/is-default-class"
)

// ClassExists reports whether the StorageClass that a disk names exists, or a default one if it names none. A disk that
// adopts a claim needs no class.
func ClassExists(ctx context.Context, reader client.Reader, disk *v1alpha1.WukongDisk) (bool, error) {
	if disk.AdoptsClaim() {
		return true, nil
	}
	if name := disk.Spec.StorageClassName; name != nil {
		class, err := read.Get(ctx, reader, "", *name, &storagev1.StorageClass{})
		return class != nil, err
	}
	classes := &storagev1.StorageClassList{}
	if err := reader.List(ctx, classes); err != nil {
		return false, fmt.Errorf("list storage classes: %w", err)
	}
	return slices.ContainsFunc(classes.Items, func(class storagev1.StorageClass) bool { return isDefault(&class) }), nil
}

func isDefault(class *storagev1.StorageClass) bool {
	return class.Annotations[annotationDefaultVirtClass] == "true" || class.Annotations[annotationDefaultClass] == "true"
}

// ClassMissing reports the StorageClass that a disk needs and the cluster does not have.
func ClassMissing(disk *v1alpha1.WukongDisk) *diskstate.Problem {
	if disk.Spec.StorageClassName != nil {
		return diskstate.Failed(v1alpha1.ReasonStorageClassMissing,
			"StorageClass %s does not exist; create it, or use one that 'kubectl get storageclass' lists",
			*disk.Spec.StorageClassName)
	}
	return diskstate.Failed(v1alpha1.ReasonStorageClassMissing,
		"the cluster has no default StorageClass; name one in storageClassName, or mark one with the annotation %s",
		annotationDefaultVirtClass)
}

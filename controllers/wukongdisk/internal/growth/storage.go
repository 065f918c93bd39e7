package growth

import (
	"context"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/controllers/internal/read"
)

const (
	// cdiConfigName is the name of the only CDIConfig of a cluster (CDI pkg/common/common.go, ConfigName).
	cdiConfigName = "config"
	// defaultOverhead is CDI's (pkg/common/common.go, DefaultGlobalOverhead).
	defaultOverhead = 0.055
)

// Storage is what the growth of a claim depends on.
type Storage struct {
	// Class of the claim; nil when it does not exist.
	Class *storagev1.StorageClass
	// Overhead is the part of a file system volume that the image cannot use, between 0 and 1; 0 for a block volume.
	Overhead float64
}

// Reader reads what the growth of a claim depends on.
type Reader struct {
	// Cached reads StorageClasses, Live the CDIConfig.
	Cached, Live client.Reader
	// ImporterServed reports whether the cluster serves CDI's API.
	ImporterServed bool
}

// Read returns nil for a claim that has the size of the spec, or cannot grow now.
func (r Reader) Read(ctx context.Context, in Inputs) (*Storage, error) {
	if !in.Wanted() {
		return nil, nil
	}
	storage := &Storage{}
	className := ptr.Deref(in.Claim.Spec.StorageClassName, "")
	if className == "" {
		return storage, nil
	}
	var err error
	if storage.Class, err = read.Get(ctx, r.Cached, "", className, &storagev1.StorageClass{}); err != nil {
		return storage, err
	}
	in.Storage = storage
	if !in.Begins() {
		return storage, nil
	}
	if ptr.Deref(in.Claim.Spec.VolumeMode, corev1.PersistentVolumeFilesystem) == corev1.PersistentVolumeFilesystem {
		storage.Overhead, err = r.Overhead(ctx, className)
	}
	return storage, err
}

// Overhead is the part of a file system volume of a StorageClass that the image cannot use. CDI reports it, and
// KubeVirt uses it to compute the size of an image from its claim. Few passes need it, so it is not cached.
func (r Reader) Overhead(ctx context.Context, className string) (float64, error) {
	if !r.ImporterServed {
		return defaultOverhead, nil
	}
	config, err := read.Get(ctx, r.Live, "", cdiConfigName, &cdiv1.CDIConfig{})
	if err != nil {
		return 0, err
	}
	if config == nil || config.Status.FilesystemOverhead == nil {
		return defaultOverhead, nil
	}
	percent, ok := config.Status.FilesystemOverhead.StorageClass[className]
	if !ok {
		percent = config.Status.FilesystemOverhead.Global
	}
	overhead, err := strconv.ParseFloat(string(percent), 64)
	if err != nil || overhead < 0 || overhead >= 1 {
		return 0, fmt.Errorf("CDIConfig %s: the file system overhead %q of StorageClass %s is not a number from 0 to 1",
			cdiConfigName, percent, className)
	}
	return overhead, nil
}

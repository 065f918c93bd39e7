package wukongdisk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/growth"
)

const (
	// cdiConfigName is the one CDIConfig of a cluster (CDI pkg/common/common.go, ConfigName).
	cdiConfigName = "config"
	// defaultOverhead is CDI's (pkg/common/common.go, DefaultGlobalOverhead).
	defaultOverhead = 0.055
)

// growthInputs are what decides about the size of the disk.
func (o *observation) growthInputs(disk *v1alpha1.WukongDisk) growth.Inputs {
	in := growth.Inputs{Disk: disk, DataVolume: o.dataVolume, Moves: disk.Status.Move != nil || o.copies.Target != nil, Storage: o.growing}
	if o.claim != nil && o.ownsClaim(disk) {
		in.Claim = o.claim
	}
	return in
}

// observeGrowth reads what the growth of a claim is decided by, when there is one to decide.
func (r *Reconciler) observeGrowth(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if !observed.growthInputs(disk).Wanted() {
		return nil
	}
	observed.growing = &growth.Storage{}
	className := ptr.Deref(observed.claim.Spec.StorageClassName, "")
	if className == "" {
		return nil
	}
	var err error
	if observed.growing.Class, err = read.Get(ctx, r.client, "", className, &storagev1.StorageClass{}); err != nil {
		return err
	}
	if !observed.growthInputs(disk).Begins() {
		return nil
	}
	if ptr.Deref(observed.claim.Spec.VolumeMode, corev1.PersistentVolumeFilesystem) == corev1.PersistentVolumeFilesystem {
		observed.growing.Overhead, err = r.filesystemOverhead(ctx, observed, className)
	}
	return err
}

// filesystemOverhead asks CDI, as KubeVirt does when it computes the size of an image from its claim. It is asked for when a disk
// grows only, and so not worth a cache.
func (r *Reconciler) filesystemOverhead(ctx context.Context, observed *observation, className string) (float64, error) {
	if !observed.importerServed {
		return defaultOverhead, nil
	}
	config, err := read.Get(ctx, r.applier.Live, "", cdiConfigName, &cdiv1.CDIConfig{})
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
		return 0, fmt.Errorf("CDIConfig %s: the file system overhead %q of StorageClass %s is no number from 0 to 1", cdiConfigName, percent, className)
	}
	return overhead, nil
}

// growClaim asks the storage for more when the spec does. The claim is CDI's object, and CDI writes its request once only, so
// that this one field can be ours from here on.
func (r *Reconciler) growClaim(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	in := observed.growthInputs(disk)
	if !in.Begins() {
		return nil
	}
	claim, request := observed.claim, in.Request()
	// The UID keeps the request from a claim that was made anew under the name.
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": claim.UID, "annotations": map[string]string{v1alpha1.AnnotationRequestedSize: disk.Spec.Size.String()}},
		"spec":     map[string]any{"resources": map[string]any{"requests": map[corev1.ResourceName]string{corev1.ResourceStorage: request.String()}}},
	})
	if err != nil {
		return err
	}
	grown := claim.DeepCopy()
	if err := r.client.Patch(ctx, grown, client.RawPatch(types.MergePatchType, body), client.FieldOwner(fieldManager)); err != nil {
		return apply.Classify("PersistentVolumeClaim", claim.Name, err)
	}
	observed.claim = grown
	return nil
}

// quotaExceeded tells the refusal by a ResourceQuota from others: its admission plugin answers in words only (Kubernetes
// staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go).
func quotaExceeded(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && apierrors.IsForbidden(err) && strings.Contains(status.Status().Message, "exceeded quota")
}

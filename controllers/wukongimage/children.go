package wukongimage

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

// CDI's own labels and annotations (pkg/common/common.go, pkg/controller/common/util.go and
// pkg/controller/dataimportcron-controller.go).
const (
	labelCron               = "cdi.kubevirt.io/dataImportCron"
	annotationDesiredDigest = "cdi.kubevirt.io/storage.import.sourceDesiredDigest"
	annotationLastPoll      = "cdi.kubevirt.io/storage.import.lastCronTime"
)

// polled reports whether CDI's DataImportCron imports the image: it supports registries only.
func polled(image *v1alpha1.WukongImage) bool {
	return image.Spec.Source.Registry != nil && image.Spec.Schedule != ""
}

// applyDataSource writes the DataSource, unless there is an obstacle.
func (r *Reconciler) applyDataSource(ctx context.Context, image *v1alpha1.WukongImage, observed *observation) error {
	if obstacle(observed) != nil {
		return nil
	}
	applied, err := apply.Child(ctx, r.applier, image,
		desiredDataSource(image, currentVersion(image, observed), observed.dataSource))
	if err != nil {
		return err
	}
	observed.dataSource = applied
	return nil
}

// keepImports applies the image's current reclaim policy to our imports.
func (r *Reconciler) keepImports(ctx context.Context, image *v1alpha1.WukongImage, observed *observation) error {
	if obstacle(observed) != nil || polled(image) {
		return nil
	}
	return r.settleOwnership(ctx, image, observed.imports)
}

// applyImport starts an import of our own when one is due.
func (r *Reconciler) applyImport(ctx context.Context, image *v1alpha1.WukongImage, observed *observation) error {
	if obstacle(observed) != nil || polled(image) {
		return nil
	}
	tick := dueTick(image, observed)
	if tick.IsZero() {
		return nil
	}
	dataVolume, err := apply.Child(ctx, r.applier, image, desiredImport(image, tick))
	if err != nil {
		return err
	}
	observed.imports = append([]cdiv1.DataVolume{*dataVolume}, observed.imports...)
	return nil
}

// clearAway deletes our versions beyond those to keep, once status names the version that disks start from.
func (r *Reconciler) clearAway(ctx context.Context, image *v1alpha1.WukongImage, observed *observation) error {
	if polled(image) || obstacle(observed) != nil {
		return nil
	}
	for _, old := range expired(image, observed.imports) {
		if err := r.deleteImport(ctx, old); err != nil {
			return err
		}
	}
	return nil
}

// applyCron writes the DataImportCron. A changed one is deleted here, and created again when it is gone: CDI refuses a
// change of its spec.
func (r *Reconciler) applyCron(ctx context.Context, image *v1alpha1.WukongImage, observed *observation) error {
	if obstacle(observed) != nil || !polled(image) {
		return nil
	}
	desired := desiredCron(image)
	if live := observed.cron; live != nil && metav1.IsControlledBy(live, image) && differs(live, desired) {
		return r.deleteCron(ctx, live)
	}
	applied, err := apply.Child(ctx, r.applier, image, desired)
	if err != nil {
		return err
	}
	observed.cron = applied
	return nil
}

func differs(live, desired *cdiv1.DataImportCron) bool {
	return live.Spec.Schedule != desired.Spec.Schedule ||
		ptr.Deref(live.Spec.ImportsToKeep, 0) != *desired.Spec.ImportsToKeep
}

// deleteCron deletes in the foreground, so that CDI sees the DataImportCron as being deleted for a moment and deletes
// its CronJob. One that was created again at once would keep the old CronJob beside its own.
func (r *Reconciler) deleteCron(ctx context.Context, live *cdiv1.DataImportCron) error {
	if !live.DeletionTimestamp.IsZero() {
		return nil
	}
	err := r.client.Delete(ctx, live, client.PropagationPolicy(metav1.DeletePropagationForeground),
		client.Preconditions{UID: &live.UID})
	if client.IgnoreNotFound(err) != nil {
		return apply.Classify("DataImportCron", live.Name, err)
	}
	return nil
}

func (r *Reconciler) deleteImport(ctx context.Context, old *cdiv1.DataVolume) error {
	if !old.DeletionTimestamp.IsZero() {
		return nil
	}
	if err := r.client.Delete(ctx, old, client.Preconditions{UID: &old.UID}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete the old import DataVolume %s: %w", old.Name, err)
	}
	return nil
}

// desiredDataSource points to a version. Without one it points to nothing at first, and later to its previous version,
// so that CDI reports what is missing: the API server cannot remove the last field of a required source (it would be
// null, which the schema forbids).
func desiredDataSource(image *v1alpha1.WukongImage, current *version, live *cdiv1.DataSource) *cdiv1.DataSource {
	dataSource := &cdiv1.DataSource{ObjectMeta: metav1.ObjectMeta{Name: image.Name, Namespace: image.Namespace}}
	switch {
	case current == nil && live != nil:
		dataSource.Spec.Source = live.Spec.Source
	case current == nil:
	case current.snapshot:
		dataSource.Spec.Source.Snapshot = &cdiv1.DataVolumeSourceSnapshot{
			Name: current.name, Namespace: image.Namespace,
		}
	default:
		dataSource.Spec.Source.PVC = &cdiv1.DataVolumeSourcePVC{Name: current.name, Namespace: image.Namespace}
	}
	return dataSource
}

// desiredCron always retains its imports: the retention policy of a DataImportCron cannot change, and a WukongImage's
// can.
func desiredCron(image *v1alpha1.WukongImage) *cdiv1.DataImportCron {
	return &cdiv1.DataImportCron{
		ObjectMeta: metav1.ObjectMeta{Name: model.ImportCronName(image), Namespace: image.Namespace},
		Spec: cdiv1.DataImportCronSpec{
			Template:          cdiv1.DataVolume{Spec: importSpec(image)},
			Schedule:          image.Spec.Schedule,
			ManagedDataSource: image.Name,
			ImportsToKeep:     ptr.To(max(image.Spec.VersionsToKeep, 1)),
			GarbageCollect:    ptr.To(cdiv1.DataImportCronGarbageCollectOutdated),
			RetentionPolicy:   ptr.To(cdiv1.DataImportCronRetainAll),
		},
	}
}

// desiredImport returns the DataVolume for one tick. No guest is ever scheduled with it, so it is bound at once
// whatever the class says. It stays when it is complete, because it is the record of its version.
func desiredImport(image *v1alpha1.WukongImage, tick time.Time) *cdiv1.DataVolume {
	return &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name: model.Child(image.Name, tick.UTC().Format("20060102150405")), Namespace: image.Namespace,
			Labels: map[string]string{v1alpha1.LabelImage: string(image.UID)},
			Annotations: map[string]string{
				v1alpha1.AnnotationImportTick:           tick.UTC().Format(time.RFC3339),
				dvstate.AnnotationBindNow:               "true",
				dvstate.AnnotationDeleteAfterCompletion: "false",
			},
		},
		Spec: importSpec(image),
	}
}

func importSpec(image *v1alpha1.WukongImage) cdiv1.DataVolumeSpec {
	return cdiv1.DataVolumeSpec{
		Source: importSource(&image.Spec.Source),
		Storage: &cdiv1.StorageSpec{
			StorageClassName: image.Spec.StorageClassName,
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: image.Spec.Size},
			},
		},
	}
}

// importSource adds the scheme that CDI requires in the URL of a registry, and users omit.
func importSource(source *v1alpha1.WukongImageSource) *cdiv1.DataVolumeSource {
	if http := source.HTTP; http != nil {
		return &cdiv1.DataVolumeSource{HTTP: &cdiv1.DataVolumeSourceHTTP{
			URL: http.URL, SecretRef: ptr.Deref(name(http.SecretRef), ""),
			CertConfigMap: ptr.Deref(name(http.CertConfigMapRef), ""),
		}}
	}
	url := source.Registry.URL
	if !strings.Contains(url, "://") {
		url = "docker://" + url
	}
	return &cdiv1.DataVolumeSource{Registry: &cdiv1.DataVolumeSourceRegistry{
		URL: &url, SecretRef: name(source.Registry.SecretRef), CertConfigMap: name(source.Registry.CertConfigMapRef),
	}}
}

func name(reference *v1alpha1.LocalObjectReference) *string {
	if reference == nil {
		return nil
	}
	return &reference.Name
}

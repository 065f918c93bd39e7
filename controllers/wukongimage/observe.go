package wukongimage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/schedule"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
)

// observation holds everything that decides about an image, read at the start of a pass.
type observation struct {
	umbrella umbrella.Link
	now      time.Time
	// missing is the first API of CDI that the cluster does not serve, or nil.
	missing *dependency.API
	// schedule is nil without one, or when it is invalid: then scheduleErr explains why.
	schedule    *schedule.Schedule
	scheduleErr error
	// dataSource and cron are nil when they do not exist. The cache holds only objects with the label of managed ones.
	dataSource *cdiv1.DataSource
	cron       *cdiv1.DataImportCron
	// importer is what the current import waits for.
	importer dvstate.Waiting
	// imports are the DataVolumes of the image, complete or not, the newest first.
	imports []cdiv1.DataVolume
	// outcome is the result of this pass's writes; nil before them.
	outcome *pass.Outcome
}

// needed are the APIs that an image needs. CDI's operator installs them together.
var needed = []dependency.API{dependency.DataVolumes, dependency.DataSources, dependency.DataImportCrons}

// parse reads spec.schedule, in UTC.
func (o *observation) parse(expression string) {
	parsed, err := schedule.Parse(expression, time.UTC)
	if err != nil {
		o.scheduleErr = fmt.Errorf("spec.schedule %w", err)
		return
	}
	o.schedule = parsed
}

func (r *Reconciler) observe(ctx context.Context, image *v1alpha1.WukongImage) (*observation, error) {
	observed := &observation{now: r.clock.Now()}
	var err error
	if observed.umbrella, err = umbrella.Observe(ctx, r.client, image); err != nil {
		return observed, err
	}
	if image.Spec.Schedule != "" {
		observed.parse(image.Spec.Schedule)
	}
	for _, api := range needed {
		served, err := r.dependencies.Served(ctx, api)
		if err != nil {
			return observed, err
		}
		if !served {
			observed.missing = &api
			return observed, nil
		}
	}
	if observed.dataSource, err = read.Get(
		ctx, r.client, image.Namespace, image.Name, &cdiv1.DataSource{},
	); err != nil {
		return observed, err
	}
	if polled(image) {
		if observed.cron, err = read.Get(ctx, r.client, image.Namespace, model.ImportCronName(image),
			&cdiv1.DataImportCron{}); err != nil {
			return observed, err
		}
	}
	imports := &cdiv1.DataVolumeList{}
	if err := r.client.List(ctx, imports, client.InNamespace(image.Namespace), importsOf(image)); err != nil {
		return observed, fmt.Errorf("list the imports of image %s: %w", image.Name, err)
	}
	observed.imports = imports.Items
	sortImports(observed.imports)
	if current := underway(observed.imports); current != nil {
		observed.importer, err = dvstate.Stuck(ctx, r.applier.Live, current, observed.now)
	}
	return observed, err
}

// importsOf selects the DataVolumes of an image.
func importsOf(image *v1alpha1.WukongImage) client.MatchingLabels {
	if polled(image) {
		return client.MatchingLabels{labelCron: model.ImportCronName(image)}
	}
	return client.MatchingLabels{v1alpha1.LabelImage: string(image.UID)}
}

// sortImports puts the newest first. The cache lists in no order, and a reordered list would be a write.
func sortImports(imports []cdiv1.DataVolume) {
	slices.SortFunc(imports, func(a, b cdiv1.DataVolume) int {
		if order := tickOf(&b).Compare(tickOf(&a)); order != 0 {
			return order
		}
		return cmp.Compare(a.Name, b.Name)
	})
}

// tickOf returns the tick of a DataVolume; for one that CDI created, its creation time.
func tickOf(dataVolume *cdiv1.DataVolume) time.Time {
	if tick, err := time.Parse(time.RFC3339, dataVolume.Annotations[v1alpha1.AnnotationImportTick]); err == nil {
		return tick
	}
	return dataVolume.CreationTimestamp.Time
}

// finishedAt returns when a DataVolume became complete, according to CDI.
func finishedAt(dataVolume *cdiv1.DataVolume) metav1.Time {
	if ready := dvstate.Condition(dataVolume, cdiv1.DataVolumeReady); ready != nil &&
		!ready.LastTransitionTime.IsZero() {
		return ready.LastTransitionTime
	}
	return dataVolume.CreationTimestamp
}

package wukongimage

import (
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// Kind declares WukongImage and its controller.
var Kind = kind.Kind{
	Name:         "wukongimage",
	Object:       &v1alpha1.WukongImage{},
	List:         &v1alpha1.WukongImageList{},
	Umbrella:     kind.Part,
	Finalizer:    v1alpha1.FinalizerImage,
	FieldManager: fieldManager,
	ReportErrors: true,
	When:         watches.OwnChange(),
	Reads: []kind.Read{
		{
			Of: &cdiv1.DataVolume{}, Why: "the imports of the image, those that CDI makes among them",
			API: &dependency.DataVolumes, Labels: managedOrImported(),
			Watches: []kind.Watch{kind.On((*Reconciler).imagesOfImport)},
		},
		{
			Of: &cdiv1.DataSource{}, Why: "what disks are cloned from",
			API: &dependency.DataSources, Labels: kind.Managed(), Watches: []kind.Watch{kind.Owned()},
		},
		{
			Of: &cdiv1.DataImportCron{}, Why: "how far CDI is with polling a registry",
			API: &dependency.DataImportCrons, Labels: kind.Managed(), Watches: []kind.Watch{kind.Owned()},
		},
		{Of: &corev1.PersistentVolumeClaim{}, Why: "why an import does not proceed", Live: true},
		{Of: &corev1.Event{}, Why: "why an import does not proceed", Live: true},
		{
			Of: &snapshotv1.VolumeSnapshot{}, Why: "imports that CDI keeps as snapshots, to delete them with the image",
			Live: true,
		},
	},
	Start: func(env kind.Env) (reconcile.Reconciler, error) {
		return &Reconciler{
			client: env.Client(), applier: env.Applier(), dependencies: env.Dependencies, clock: env.Clock,
		}, nil
	},
}

// managedOrImported selects the DataVolumes that Wukong creates, and those that CDI creates for a DataImportCron,
// which have CDI's label.
func managedOrImported() labels.Selector {
	made := []string{v1alpha1.LabelManagedByValue, "cdi-controller"}
	requirement, err := labels.NewRequirement(v1alpha1.LabelManagedBy, selection.In, made)
	utilruntime.Must(err)
	return labels.NewSelector().Add(*requirement)
}

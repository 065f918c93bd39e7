package wukongimage

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// creation time of all images in these tests: a Monday, at noon.
var creation = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// imageWith returns an image of 1Gi from a web server named debian, imported once, changed by options.
func imageWith(options ...func(*v1alpha1.WukongImage)) *v1alpha1.WukongImage {
	image := &v1alpha1.WukongImage{
		ObjectMeta: metav1.ObjectMeta{Name: "debian", Namespace: "shop", UID: "image-uid",
			CreationTimestamp: metav1.NewTime(creation)},
		Spec: v1alpha1.WukongImageSpec{
			Source: v1alpha1.WukongImageSource{
				HTTP: &v1alpha1.HTTPSource{URL: "http://images.example/debian.qcow2"},
			},
			Size:           resource.MustParse("1Gi"),
			VersionsToKeep: 2,
		},
	}
	for _, option := range options {
		option(image)
	}
	return image
}

func at(schedule string) func(*v1alpha1.WukongImage) {
	return func(image *v1alpha1.WukongImage) { image.Spec.Schedule = schedule }
}

func fromRegistry(url string) func(*v1alpha1.WukongImage) {
	return func(image *v1alpha1.WukongImage) {
		image.Spec.Source = v1alpha1.WukongImageSource{Registry: &v1alpha1.RegistrySource{URL: url}}
	}
}

func deleted(image *v1alpha1.WukongImage) { image.DeletionTimestamp = ptr.To(metav1.Now()) }

// seen returns what is observed of an image some time after its creation, with imports.
func seen(image *v1alpha1.WukongImage, after time.Duration, imports ...cdiv1.DataVolume) *observation {
	observed := &observation{now: creation.Add(after), imports: imports}
	if image.Spec.Schedule != "" {
		observed.parse(image.Spec.Schedule)
	}
	return observed
}

// importAt returns the import, in a phase, for a tick some time after the creation of the image. A complete one took
// ten minutes.
func importAt(
	after time.Duration, phase cdiv1.DataVolumePhase, conditions ...cdiv1.DataVolumeCondition,
) cdiv1.DataVolume {
	one := *desiredImport(imageWith(), creation.Add(after))
	one.Status.Phase = phase
	one.Status.Conditions = conditions
	if phase == cdiv1.Succeeded {
		ready := cdiv1.DataVolumeCondition{Type: cdiv1.DataVolumeReady, Status: corev1.ConditionTrue}
		ready.LastTransitionTime = metav1.NewTime(creation.Add(after + 10*time.Minute))
		one.Status.Conditions = append(one.Status.Conditions, ready)
	}
	return one
}

func running(status corev1.ConditionStatus, reason, message string) cdiv1.DataVolumeCondition {
	return cdiv1.DataVolumeCondition{Type: cdiv1.DataVolumeRunning, Status: status, Reason: reason, Message: message}
}

func refused(reason, message string) cdiv1.DataVolumeCondition {
	return cdiv1.DataVolumeCondition{Type: cdiv1.DataVolumeBound, Status: corev1.ConditionFalse,
		Reason: reason, Message: message}
}

// sourceThatIs returns the image's DataSource with CDI's Ready condition.
func sourceThatIs(status corev1.ConditionStatus, message string) *cdiv1.DataSource {
	dataSource := &cdiv1.DataSource{ObjectMeta: metav1.ObjectMeta{Name: "debian", Namespace: "shop",
		OwnerReferences: []metav1.OwnerReference{
			{Kind: "WukongImage", Name: "debian", UID: "image-uid", Controller: ptr.To(true)}}}}
	dataSource.Status.Conditions = []cdiv1.DataSourceCondition{{
		Type: cdiv1.DataSourceReady, ConditionState: cdiv1.ConditionState{Status: status, Message: message},
	}}
	return dataSource
}

func pointingTo(dataSource *cdiv1.DataSource, claim string) *cdiv1.DataSource {
	dataSource = dataSource.DeepCopy()
	dataSource.Spec.Source.PVC = &cdiv1.DataVolumeSourcePVC{Namespace: dataSource.Namespace, Name: claim}
	return dataSource
}

// cronThat returns a DataImportCron.
func cronThat(options ...func(*cdiv1.DataImportCron)) *cdiv1.DataImportCron {
	one := &cdiv1.DataImportCron{ObjectMeta: metav1.ObjectMeta{Name: "debian-i01234567", Namespace: "shop"}}
	for _, option := range options {
		option(one)
	}
	return one
}

func polledDigest(digest string) func(*cdiv1.DataImportCron) {
	return func(one *cdiv1.DataImportCron) { one.Annotations = map[string]string{annotationDesiredDigest: digest} }
}

func imported(claim, digest string) func(*cdiv1.DataImportCron) {
	return func(one *cdiv1.DataImportCron) {
		one.Status.LastImportedPVC = &cdiv1.DataVolumeSourcePVC{Namespace: "shop", Name: claim}
		one.Status.LastImportTimestamp = ptr.To(metav1.NewTime(creation))
		one.Status.CurrentImports = []cdiv1.ImportStatus{{DataVolumeName: claim, Digest: digest}}
	}
}

func upToDate(status corev1.ConditionStatus, message string) func(*cdiv1.DataImportCron) {
	return func(one *cdiv1.DataImportCron) {
		one.Status.Conditions = []cdiv1.DataImportCronCondition{{
			Type: cdiv1.DataImportCronUpToDate, ConditionState: cdiv1.ConditionState{Status: status, Message: message},
		}}
	}
}

func asSnapshots(one *cdiv1.DataImportCron) {
	one.Status.SourceFormat = ptr.To(cdiv1.DataImportCronSourceFormatSnapshot)
}

package wukongimage

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// version is one complete import.
type version struct {
	// name of the claim, or of the snapshot that replaced it.
	name     string
	snapshot bool
	digest   string
	time     *metav1.Time
}

// currentVersion returns what the DataSource must point to; nil while no import is complete.
func currentVersion(image *v1alpha1.WukongImage, observed *observation) *version {
	if polled(image) {
		if current := cronVersion(observed.cron); current != nil {
			return current
		}
		return offeredVersion(image, observed)
	}
	for i := range observed.imports {
		if one := &observed.imports[i]; one.Status.Phase == cdiv1.Succeeded && one.DeletionTimestamp.IsZero() {
			return &version{name: one.Name, time: ptr.To(finishedAt(one))}
		}
	}
	return nil
}

// cronVersion returns the last import of a DataImportCron. If the StorageProfile asks for snapshots, CDI keeps it as a
// VolumeSnapshot with the claim's name, and deletes the claim.
func cronVersion(cron *cdiv1.DataImportCron) *version {
	if cron == nil || cron.Status.LastImportedPVC == nil {
		return nil
	}
	current := &version{
		name: cron.Status.LastImportedPVC.Name,
		snapshot: ptr.Deref(cron.Status.SourceFormat, cdiv1.DataImportCronSourceFormatPvc) ==
			cdiv1.DataImportCronSourceFormatSnapshot,
		time: cron.Status.LastImportTimestamp,
	}
	for _, one := range cron.Status.CurrentImports {
		if one.DataVolumeName == current.name {
			current.digest = one.Digest
		}
	}
	return current
}

// offeredVersion returns what our DataSource already points to. A DataImportCron that was created again does not know
// its imports until the next poll, and disks must start from them meanwhile.
func offeredVersion(image *v1alpha1.WukongImage, observed *observation) *version {
	if observed.dataSource == nil || !metav1.IsControlledBy(observed.dataSource, image) {
		return nil
	}
	switch source := observed.dataSource.Spec.Source; {
	case source.PVC != nil:
		current := &version{name: source.PVC.Name}
		for i := range observed.imports {
			if one := &observed.imports[i]; one.Name == current.name {
				current.time = ptr.To(finishedAt(one))
			}
		}
		return current
	case source.Snapshot != nil:
		return &version{name: source.Snapshot.Name, snapshot: true}
	default:
		return nil
	}
}

// listVersions returns the versions for status: the current one, and the other complete imports. Of versions that CDI
// keeps as snapshots, whose imports are deleted, only the current one is known.
func listVersions(current *version, imports []cdiv1.DataVolume) []v1alpha1.ImageVersion {
	var versions []v1alpha1.ImageVersion
	if current != nil {
		one := v1alpha1.ImageVersion{Name: current.name, ImportTime: current.time}
		if !current.snapshot {
			one.ClaimName = current.name
		}
		versions = append(versions, one)
	}
	for i := range imports {
		one := &imports[i]
		known := current != nil && one.Name == current.name
		if known || one.Status.Phase != cdiv1.Succeeded || !one.DeletionTimestamp.IsZero() ||
			len(versions) == v1alpha1.MaxReportedVersions {
			continue
		}
		versions = append(versions,
			v1alpha1.ImageVersion{Name: one.Name, ClaimName: one.Name, ImportTime: ptr.To(finishedAt(one))})
	}
	return versions
}

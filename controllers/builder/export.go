package builder

import "github.com/novasphere/wukong/apis/v1alpha1"

// ExportOption changes the spec of an export.
type ExportOption = func(*v1alpha1.WukongExportSpec)

// Export is one of a disk, as a link that expires after ten minutes.
func Export(namespace, name, disk string, options ...ExportOption) *v1alpha1.WukongExport {
	export := &v1alpha1.WukongExport{ObjectMeta: meta(namespace, name)}
	apply(&export.Spec, append([]ExportOption{ofDisk(disk), ToDownload(600)}, options...))
	return export
}

func ofDisk(disk string) ExportOption {
	return func(spec *v1alpha1.WukongExportSpec) { spec.Source = v1alpha1.ExportSource{DiskRef: ref(disk)} }
}

// OfMachine exports a disk of a machine, which need not be named when it has but one.
func OfMachine(vm, disk string) ExportOption {
	return func(spec *v1alpha1.WukongExportSpec) {
		spec.Source = v1alpha1.ExportSource{VM: &v1alpha1.ExportVMSource{Name: vm, Disk: disk}}
	}
}

// OfVolumeSnapshot exports what a VolumeSnapshot holds.
func OfVolumeSnapshot(snapshot string) ExportOption {
	return func(spec *v1alpha1.WukongExportSpec) {
		spec.Source = v1alpha1.ExportSource{VolumeSnapshot: &v1alpha1.ExportSnapshotSource{Name: snapshot}}
	}
}

// ToDownload makes a link that expires after some seconds.
func ToDownload(seconds int64) ExportOption {
	return to(v1alpha1.ExportTarget{Download: &v1alpha1.DownloadTarget{ExpiresAfterSeconds: seconds}})
}

// ToS3 writes an object. Its region is the default one when it is empty, and the Secret is of those who may write it.
func ToS3(url, region, secret string) ExportOption {
	return to(v1alpha1.ExportTarget{S3: &v1alpha1.S3Target{URL: url, Region: region, SecretRef: *ref(secret)}})
}

// ToRegistry pushes a container disk, such as registry.example/disks/web:1.
func ToRegistry(image string) ExportOption {
	return to(v1alpha1.ExportTarget{Registry: &v1alpha1.RegistryTarget{Image: image}})
}

// ToInsecureRegistry pushes a container disk over plain HTTP.
func ToInsecureRegistry(image string) ExportOption {
	return to(v1alpha1.ExportTarget{Registry: &v1alpha1.RegistryTarget{Image: image, Insecure: true}})
}

func to(target v1alpha1.ExportTarget) ExportOption {
	return func(spec *v1alpha1.WukongExportSpec) { spec.Target = *target.DeepCopy() }
}

// As is the format of the file, and its compression.
func As(format v1alpha1.ExportFormat, compression v1alpha1.ExportCompression) ExportOption {
	return func(spec *v1alpha1.WukongExportSpec) { spec.Format, spec.Compression = format, compression }
}

// ForgottenAfter deletes the export some seconds after it is finished.
func ForgottenAfter(seconds int64) ExportOption {
	return func(spec *v1alpha1.WukongExportSpec) { spec.TTLSecondsAfterFinished = &seconds }
}

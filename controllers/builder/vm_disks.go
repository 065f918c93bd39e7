package builder

import "github.com/novasphere/wukong/apis/v1alpha1"

// Disks adds entries to a machine's disks.
func Disks(disks ...v1alpha1.VMDisk) VMOption {
	return func(spec *v1alpha1.WukongVMSpec) { spec.Disks = append(spec.Disks, disks...) }
}

// Imported adds a disk that the machine stamps and that comes from a web server. Options may say more of it.
func Imported(name, url string, options ...DiskOption) VMOption {
	return Stamped(name, append([]DiskOption{FromHTTP(url)}, options...)...)
}

// Stamped adds a disk that the machine makes from a template: blank and of 1Gi, unless options say otherwise.
func Stamped(name string, options ...DiskOption) VMOption {
	return Disks(DiskTemplate(name, options...))
}

// Attached adds WukongDisks by reference, each under the name that it has.
func Attached(disks ...string) VMOption {
	return func(spec *v1alpha1.WukongVMSpec) {
		for _, disk := range disks {
			spec.Disks = append(spec.Disks, DiskReference(disk, disk))
		}
	}
}

// DiskTemplate is an entry of a machine's disks that is made from a template: blank and of 1Gi, unless options say
// otherwise.
func DiskTemplate(name string, options ...DiskOption) v1alpha1.VMDisk {
	return v1alpha1.VMDisk{Name: name, Template: &v1alpha1.DiskTemplate{Spec: DiskSpec(options...)}}
}

// DiskReference is an entry of a machine's disks that names a WukongDisk.
func DiskReference(name, disk string) v1alpha1.VMDisk {
	return v1alpha1.VMDisk{Name: name, DiskRef: ref(disk)}
}

// EmptyDrive is an entry of a machine's disks without a medium.
func EmptyDrive(name string) v1alpha1.VMDisk {
	return v1alpha1.VMDisk{Name: name, Type: v1alpha1.DiskTypeCDROM}
}

func ref(name string) *v1alpha1.LocalObjectReference {
	return &v1alpha1.LocalObjectReference{Name: name}
}

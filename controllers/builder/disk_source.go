package builder

import "github.com/novasphere/wukong/apis/v1alpha1"

// From is filled from any source. Disks that are made by the same option have a copy each.
func From(source v1alpha1.WukongDiskSource) DiskOption {
	return func(spec *v1alpha1.WukongDiskSpec) { spec.Source = source.DeepCopy() }
}

// FromHTTP is filled from a web server.
func FromHTTP(url string) DiskOption {
	return From(v1alpha1.WukongDiskSource{HTTP: &v1alpha1.HTTPSource{URL: url}})
}

// FromRegistry is filled from a container disk, such as docker://registry.example/debian:13.
func FromRegistry(url string) DiskOption {
	return From(v1alpha1.WukongDiskSource{Registry: &v1alpha1.RegistrySource{URL: url}})
}

// FromS3 is filled from an object of S3. Without a Secret it is read as anybody may.
func FromS3(url, secret string) DiskOption {
	source := &v1alpha1.S3Source{URL: url}
	if secret != "" {
		source.SecretRef = ref(secret)
	}
	return From(v1alpha1.WukongDiskSource{S3: source})
}

// FromVerifiedS3 is filled from an object of S3 with a checksum, and from an encrypted one if a Secret has the key.
func FromVerifiedS3(url, secret, checksum, key string) DiskOption {
	source := &v1alpha1.S3Source{URL: url, SecretRef: ref(secret), Checksum: checksum}
	if key != "" {
		source.Encryption = &v1alpha1.Encryption{SecretRef: *ref(key)}
	}
	return From(v1alpha1.WukongDiskSource{S3: source})
}

// FromGCS is filled from an object of Google's Cloud Storage. Without a Secret it is read as anybody may.
func FromGCS(url, secret string) DiskOption {
	source := &v1alpha1.GCSSource{URL: url}
	if secret != "" {
		source.SecretRef = ref(secret)
	}
	return From(v1alpha1.WukongDiskSource{GCS: source})
}

// FromUpload is filled by a person who uploads it.
func FromUpload(spec *v1alpha1.WukongDiskSpec) {
	spec.Source = &v1alpha1.WukongDiskSource{Upload: &v1alpha1.UploadSource{}}
}

// CloneOf is filled from a WukongDisk; of the own namespace when that is empty.
func CloneOf(namespace, disk string) DiskOption { return clone("WukongDisk", namespace, disk) }

// CloneOfClaim is filled from a PersistentVolumeClaim; of the own namespace when that is empty.
func CloneOfClaim(namespace, claim string) DiskOption {
	return clone("PersistentVolumeClaim", namespace, claim)
}

func clone(kind, namespace, name string) DiskOption {
	return From(v1alpha1.WukongDiskSource{
		Clone: &v1alpha1.DiskCloneSource{Kind: kind, Namespace: namespace, Name: name},
	})
}

// FromSnapshot is filled from a WukongSnapshot; of the own namespace when that is empty.
func FromSnapshot(namespace, snapshot string) DiskOption {
	return restored("WukongSnapshot", namespace, snapshot)
}

// FromSnapshotOfVM is filled from a disk in a WukongSnapshot of a WukongVM.
func FromSnapshotOfVM(snapshot, disk string) DiskOption {
	return From(v1alpha1.WukongDiskSource{
		Snapshot: &v1alpha1.DiskSnapshotSource{Kind: "WukongSnapshot", Name: snapshot, Disk: disk},
	})
}

// FromVolumeSnapshot is filled from a VolumeSnapshot of the own namespace.
func FromVolumeSnapshot(snapshot string) DiskOption { return restored("VolumeSnapshot", "", snapshot) }

func restored(kind, namespace, name string) DiskOption {
	return From(v1alpha1.WukongDiskSource{
		Snapshot: &v1alpha1.DiskSnapshotSource{Kind: kind, Namespace: namespace, Name: name},
	})
}

// FromImage is filled from the current version of a WukongImage; of the own namespace when that is empty.
func FromImage(namespace, image string) DiskOption {
	return From(v1alpha1.WukongDiskSource{Image: &v1alpha1.DiskImageSource{Namespace: namespace, Name: image}})
}

// Adopting stands on a claim that exists, and so has no size of its own.
func Adopting(claim string) DiskOption { return adopting(v1alpha1.ClaimSource{Name: claim}) }

// AdoptingReadOnly stands on a claim that exists, for machines that only read it.
func AdoptingReadOnly(claim string) DiskOption {
	readOnly := true
	return adopting(v1alpha1.ClaimSource{Name: claim, ReadOnly: &readOnly})
}

func adopting(source v1alpha1.ClaimSource) DiskOption {
	return func(spec *v1alpha1.WukongDiskSpec) {
		spec.Size = nil
		spec.Source = &v1alpha1.WukongDiskSource{PersistentVolumeClaim: &source}
	}
}

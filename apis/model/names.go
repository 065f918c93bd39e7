package model

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// The same objects must always give the same names and addresses: users' WukongVMs and disks depend on them.

// maxLabel is the longest DNS-1123 label, in characters.
const maxLabel = 63

// hashLength is the number of hexadecimal digits that distinguish names if owner and part alone do not.
const hashLength = 8

// digest matches a part that looks like the digest of another name.
var digest = regexp.MustCompile(`^[0-9a-f]{8}$`)

// Child returns the name of the object that an owner has for one of its parts: "web" and "root" give "web-root".
//
// Both must be DNS-1123 labels. The result is one, too, with at most 63 characters. If the part has no hyphen, the last
// hyphen of the name separates owner and part, so that no two pairs have the same name. If the part has a hyphen, or
// the name would be too long, the name ends with a digest of owner and part: "a" and "b-c" must not give the same name
// as "a-b" and "c". The same applies if the part itself looks like a digest, so that a name without a digest never
// equals one with a digest. Two names with a digest are equal only if they have the same prefix and the same 32 bits of
// SHA-256.
func Child(owner, part string) string {
	plain := owner + "-" + part
	if !strings.Contains(part, "-") && len(plain) <= maxLabel && !digest.MatchString(part) {
		return plain
	}
	sum := sha256.Sum256([]byte(owner + "\x00" + part))
	suffix := "-" + hex.EncodeToString(sum[:])[:hashLength]
	if len(plain) > maxLabel-len(suffix) {
		plain = plain[:maxLabel-len(suffix)]
	}
	return strings.TrimRight(plain, "-.") + suffix
}

// DiskName returns the name of the WukongDisk of an entry of spec.disks; empty for an empty drive.
func DiskName(vm *v1alpha1.WukongVM, disk *v1alpha1.VMDisk) string {
	switch {
	case disk.DiskRef != nil:
		return disk.DiskRef.Name
	case disk.Template != nil:
		return Child(vm.Name, disk.Name)
	default:
		return ""
	}
}

// NetworkName returns the name of the WukongNetwork of an entry of spec.networks; empty for the pod network.
func NetworkName(vm *v1alpha1.WukongVM, network *v1alpha1.VMNetwork) string {
	switch {
	case network.NetworkRef != nil:
		return network.NetworkRef.Name
	case network.Template != nil:
		return Child(vm.Name, network.Name)
	default:
		return ""
	}
}

// CloudInitSecretName returns the name of the Secret with the cloud-init data of a WukongVM.
func CloudInitSecretName(vm *v1alpha1.WukongVM) string { return Child(vm.Name, "cloudinit") }

// ServiceName returns the name of the Service of an entry of spec.services.
func ServiceName(vm *v1alpha1.WukongVM, service *v1alpha1.VMService) string {
	return Child(vm.Name, service.Name)
}

// NetworkPolicyName returns the name of the NetworkPolicy of a WukongVM.
func NetworkPolicyName(vm *v1alpha1.WukongVM) string { return Child(vm.Name, "policy") }

// ExportJobName returns the name of the Job that copies the bytes of a WukongExport.
func ExportJobName(export *v1alpha1.WukongExport) string { return Child(export.Name, "mover") }

// ExportClaimName returns the name of the claim to which a WukongExport restores a VolumeSnapshot.
func ExportClaimName(export *v1alpha1.WukongExport) string { return Child(export.Name, "restored") }

// ExportDownloadName returns the name of the Service of a download link, and of the Secret with its token.
func ExportDownloadName(export *v1alpha1.WukongExport) string { return Child(export.Name, "download") }

// RelayName is the Job that offers an object of a bucket to CDI's importer, and what belongs to the Job.
func RelayName(disk *v1alpha1.WukongDisk) string { return Child(disk.Name, "relay") }

// BackupExportName is the WukongExport of one disk of a backup.
func BackupExportName(backup *v1alpha1.WukongBackup, disk string) string {
	owner := backup.Name
	if owner != "" && owner[0] <= '9' {
		owner = "backup-" + owner // the name of a WukongExport begins with a letter
	}
	return Child(owner, "disk-"+strings.ReplaceAll(disk, ".", "-")) // and has no dot
}

// BackupJobName is the Job that completes a backup, and the ConfigMap with the files that it writes.
func BackupJobName(backup *v1alpha1.WukongBackup) string { return Child(backup.Name, "complete") }

// SafetySnapshotName returns the name of the WukongSnapshot that is taken of a stopped WukongVM before a restore. Each
// restore is requested at another time.
func SafetySnapshotName(vm *v1alpha1.WukongVM, requestedAt time.Time) string {
	return Child(vm.Name, "before"+requestedAt.UTC().Format("20060102150405"))
}

// MigrationName returns the name of the VirtualMachineInstanceMigration of an attempt of a WukongMigration. It contains
// the UID, because those of an earlier WukongMigration of the same name may still exist.
func MigrationName(migration *v1alpha1.WukongMigration, attempt int32) string {
	uid := string(migration.UID)
	return Child(migration.Name, strconv.Itoa(int(attempt))+"-"+uid[:min(len(uid), hashLength)])
}

// CloneSnapshotName returns the name of the temporary WukongSnapshot of a WukongClone. It ends with the UID, because
// that of an earlier WukongClone of the same name may still exist, or one of a namesake in another namespace.
func CloneSnapshotName(clone *v1alpha1.WukongClone) string {
	uid := string(clone.UID)
	suffix := "-" + uid[:min(len(uid), hashLength)]
	return strings.TrimRight(clone.Name[:min(len(clone.Name), maxLabel-len(suffix))], "-.") + suffix
}

// ImportCronName returns the name of the DataImportCron of a WukongImage. It is unique to this object: imports that
// remain from the DataImportCron of an earlier object of the same name, or from an unmanaged one, have another name in
// their labels. Therefore neither CDI's garbage collection of imports nor a controller deletes them.
func ImportCronName(image *v1alpha1.WukongImage) string {
	sum := sha256.Sum256([]byte(image.UID))
	return Child(image.Name, "i"+hex.EncodeToString(sum[:4]))
}

// MAC returns the hardware address of an interface: the address in spec, else one derived from the UID of the WukongVM
// and the name of the interface, so that it is known before the first boot. A derived address is six lower-case
// hexadecimal bytes, unicast and locally administered (IEEE 802c), with 46 bits of SHA-256: among a million interfaces
// on one network, the probability that any two are equal is below one percent.
func MAC(vm *v1alpha1.WukongVM, network *v1alpha1.VMNetwork) string {
	if network.MACAddress != "" {
		return network.MACAddress
	}
	sum := sha256.Sum256([]byte(string(vm.UID) + "\x00" + network.Name))
	address := net.HardwareAddr(sum[:6])
	address[0] = address[0]&^0x01 | 0x02
	return address.String()
}

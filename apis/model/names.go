package model

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// The same objects give the same names and addresses for ever: people's machines and disks depend on them.

// maxLabel is the longest DNS-1123 label, in characters.
const maxLabel = 63

// hashLength is the number of hexadecimal digits that tell names apart when owner and part alone do not.
const hashLength = 8

// digest matches a part that looks like the digest of another name.
var digest = regexp.MustCompile(`^[0-9a-f]{8}$`)

// Child names what an owner has for one of its parts: "web" and "root" give "web-root".
//
// Both must be DNS-1123 labels; so is the result, of at most 63 characters. The last hyphen splits owner and part as
// long as the part has none, so no two pairs share such a name. A part with a hyphen, or a name that would be too
// long, gets a digest of owner and part: "a" and "b-c" must not meet "a-b" and "c". So does a part that itself looks
// like a digest, which keeps the two kinds of names apart; names with a digest meet only if SHA-256 meets in 32 bits
// under the same prefix.
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
	return strings.TrimRight(plain, "-") + suffix
}

// DiskName is the WukongDisk of an entry of spec.disks; empty for an empty drive.
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

// NetworkName is the WukongNetwork of an entry of spec.networks; empty for the pod network.
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

// CloudInitSecretName is the Secret with the cloud-init data of a WukongVM.
func CloudInitSecretName(vm *v1alpha1.WukongVM) string { return Child(vm.Name, "cloudinit") }

// ServiceName is the Service of an entry of spec.services.
func ServiceName(vm *v1alpha1.WukongVM, service *v1alpha1.VMService) string {
	return Child(vm.Name, service.Name)
}

// NetworkPolicyName is the NetworkPolicy of a WukongVM.
func NetworkPolicyName(vm *v1alpha1.WukongVM) string { return Child(vm.Name, "policy") }

// ExportJobName is the Job that moves the bytes of a WukongExport.
func ExportJobName(export *v1alpha1.WukongExport) string { return Child(export.Name, "mover") }

// ExportClaimName is the claim that a WukongExport restores a VolumeSnapshot into.
func ExportClaimName(export *v1alpha1.WukongExport) string { return Child(export.Name, "restored") }

// ExportDownloadName is the Service of a download link, and the Secret with its token.
func ExportDownloadName(export *v1alpha1.WukongExport) string { return Child(export.Name, "download") }

// MigrationName is the VirtualMachineInstanceMigration of an attempt of a WukongMigration. The UID keeps it apart from those
// of an earlier WukongMigration of the name, which may be there still.
func MigrationName(migration *v1alpha1.WukongMigration, attempt int32) string {
	uid := string(migration.UID)
	return Child(migration.Name, strconv.Itoa(int(attempt))+"-"+uid[:min(len(uid), hashLength)])
}

// ImportCronName is the DataImportCron of a WukongImage. The name belongs to this one object: what the DataImportCron
// of an earlier object of the same name, or of an unmanaged one, left behind has another name in its labels, and
// neither CDI's collection of old imports nor a controller deletes it.
func ImportCronName(image *v1alpha1.WukongImage) string {
	sum := sha256.Sum256([]byte(image.UID))
	return Child(image.Name, "i"+hex.EncodeToString(sum[:4]))
}

// MAC is the hardware address of an interface: the given one, else one derived from the UID of the WukongVM and the
// name of the interface, which is known before the first boot. The derived one is six lower-case hexadecimal bytes,
// unicast and locally administered (IEEE 802c), with 46 bits of SHA-256: among a million interfaces on one network
// the chance that any two meet is below one percent.
func MAC(vm *v1alpha1.WukongVM, network *v1alpha1.VMNetwork) string {
	if network.MACAddress != "" {
		return network.MACAddress
	}
	sum := sha256.Sum256([]byte(string(vm.UID) + "\x00" + network.Name))
	address := net.HardwareAddr(sum[:6])
	address[0] = address[0]&^0x01 | 0x02
	return address.String()
}

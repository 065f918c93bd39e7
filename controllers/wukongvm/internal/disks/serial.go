package disks

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// maxVirtioSerial is how much of a serial number virtio-blk shows the guest (VIRTIO_BLK_ID_BYTES).
const maxVirtioSerial = 20

// Serial returns the number by which the guest identifies a disk: its name, or, if that is too long, its beginning and
// a digest, so that no two disks share one. A VirtualMachine from a version that cut long names keeps the serial that
// its guest knows.
func (in Inputs) Serial(entry *v1alpha1.VMDisk) string {
	if entry.Serial != "" {
		return entry.Serial
	}
	if len(entry.Name) <= maxVirtioSerial {
		return entry.Name
	}
	cut := entry.Name[:maxVirtioSerial]
	if held, _ := virt.TemplateDisk(in.Machine, entry.Name); held != nil && held.Serial == cut {
		return cut
	}
	const digits = 8
	sum := sha256.Sum256([]byte(entry.Name))
	return entry.Name[:maxVirtioSerial-1-digits] + "-" + hex.EncodeToString(sum[:digits/2])
}

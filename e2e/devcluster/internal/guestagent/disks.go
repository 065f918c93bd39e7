package guestagent

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// blockDevice is what sysfs says of a disk or partition.
type blockDevice struct {
	name       string // in /dev
	number     string // MAJOR:MINOR
	serial     string // as udev has it in ID_SERIAL; empty if it has none
	bus        string // by which udev names it: virtio, scsi or ata
	partitions []blockDevice
}

// blockDevices reads the disks below a mount point of sysfs.
func blockDevices(sys string) []blockDevice {
	folders, _ := filepath.Glob(filepath.Join(sys, "block", "*"))
	var devices []blockDevice
	for _, folder := range folders {
		device := blockDevice{name: filepath.Base(folder), number: attribute(folder, "dev")}
		if device.number == "" {
			continue
		}
		device.bus, device.serial = identity(folder)
		partitions, _ := filepath.Glob(filepath.Join(folder, device.name+"*"))
		for _, partition := range partitions {
			if number := attribute(partition, "dev"); number != "" {
				device.partitions = append(device.partitions,
					blockDevice{name: filepath.Base(partition), number: number})
			}
		}
		devices = append(devices, device)
	}
	return devices
}

// identity is how Debian's udev (257, rules.d/60-persistent-storage.rules) names a disk: a virtio disk by its serial
// number, a SCSI disk by what scsi_id makes of vendor, model and serial number, and a SATA disk by what ata_id does.
func identity(folder string) (bus, serial string) {
	if serial := attribute(folder, "serial"); serial != "" {
		return "virtio", escape(serial)
	}
	page, err := os.ReadFile(filepath.Join(folder, "device", "vpd_pg80"))
	const header = 4
	if err != nil || len(page) <= header {
		return "", ""
	}
	number := escape(strings.TrimSpace(string(bytes.Trim(page[header:], "\x00"))))
	vendor, model := attribute(folder, "device", "vendor"), escape(attribute(folder, "device", "model"))
	switch {
	case number == "":
		return "", ""
	case vendor == "ATA":
		return "ata", model + "_" + number
	default:
		return "scsi", "0" + escape(vendor) + "_" + model + "_" + number
	}
}

func attribute(path ...string) string {
	content, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}

var (
	spaces      = regexp.MustCompile(`\s+`)
	unwholesome = regexp.MustCompile(`[^A-Za-z0-9#+\-.:=@_]`)
)

// escape makes a name of it as udev does: underscores for spaces and for what has a meaning elsewhere.
func escape(text string) string {
	return unwholesome.ReplaceAllString(spaces.ReplaceAllString(strings.TrimSpace(text), "_"), "_")
}

// deviceLinks are the names in /dev/disk/by-id and /dev, and where they lead.
func deviceLinks(devices []blockDevice) map[string]string {
	links := map[string]string{}
	for _, device := range devices {
		if device.name == "sr0" {
			links["cdrom"] = "sr0"
		}
		if device.serial == "" {
			continue
		}
		base := "disk/by-id/" + device.bus + "-" + device.serial
		links[base] = "../../" + device.name
		for _, partition := range device.partitions {
			number := strings.TrimLeft(strings.TrimPrefix(partition.name, device.name), "p")
			links[base+"-part"+number] = "../../" + partition.name
		}
	}
	return links
}

// deviceRecords are the files in /run/udev/data, which libudev reads. QEMU's guest agent takes the serial number of a
// disk from there (QEMU 10.0, qga/commands-linux.c, build_guest_fsinfo_for_pci_dev and its callers), and KubeVirt from
// the guest agent.
func deviceRecords(devices []blockDevice) map[string]string {
	records := map[string]string{}
	for _, device := range devices {
		if device.serial == "" {
			continue
		}
		text := fmt.Sprintf("E:ID_SERIAL=%s\n", device.serial)
		records["b"+device.number] = text
		for _, partition := range device.partitions {
			records["b"+partition.number] = text
		}
	}
	return records
}

const (
	// volumeDescriptor is where the first descriptor of an ISO 9660 file system begins (ECMA-119, 6.2.1).
	volumeDescriptor = 16 * 2048
	identifierStart  = 40
	identifierLength = 32
)

// volumeLabel is the label in the first descriptor of an ISO 9660 file system, in lower case; empty if it is none.
func volumeLabel(descriptor []byte) string {
	if len(descriptor) < identifierStart+identifierLength || string(descriptor[1:6]) != "CD001" {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(string(descriptor[identifierStart : identifierStart+identifierLength])))
}

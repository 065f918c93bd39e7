package guestagent

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tree writes files below a new folder, which stands for sysfs.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return root
}

func TestNamesOfDisks(t *testing.T) {
	t.Parallel()
	devices := blockDevices(tree(t, map[string]string{
		"block/vda/dev":             "254:0\n",
		"block/vda/vda1/dev":        "254:1\n",
		"block/vdb/dev":             "254:16\n",
		"block/vdb/serial":          "data disk\n",
		"block/vdb/vdb1/dev":        "254:17\n",
		"block/vdb/vdb1/start":      "2048\n",
		"block/sda/dev":             "8:0\n",
		"block/sda/device/vendor":   "QEMU    \n",
		"block/sda/device/model":    "QEMU HARDDISK   \n",
		"block/sda/device/vpd_pg80": "\x00\x80\x00\x05extra",
		"block/sdb/dev":             "8:16\n",
		"block/sdb/device/vendor":   "ATA     \n",
		"block/sdb/device/model":    "QEMU HARDDISK   \n",
		"block/sdb/device/vpd_pg80": "\x00\x80\x00\x14            sata\x00\x00",
		"block/sr0/dev":             "11:0\n",
		"block/sr0/device/vendor":   "QEMU    \n",
	}))
	assert.Equal(t, map[string]string{
		"disk/by-id/virtio-data_disk":               "../../vdb",
		"disk/by-id/virtio-data_disk-part1":         "../../vdb1",
		"disk/by-id/scsi-0QEMU_QEMU_HARDDISK_extra": "../../sda",
		"disk/by-id/ata-QEMU_HARDDISK_sata":         "../../sdb",
		"cdrom":                                     "sr0",
	}, deviceLinks(devices))
	assert.Equal(t, map[string]string{
		"b254:16": "E:ID_SERIAL=data_disk\n",
		"b254:17": "E:ID_SERIAL=data_disk\n",
		"b8:0":    "E:ID_SERIAL=0QEMU_QEMU_HARDDISK_extra\n",
		"b8:16":   "E:ID_SERIAL=QEMU_HARDDISK_sata\n",
	}, deviceRecords(devices))
}

func TestUpdateMakesAndRemovesWhatChanged(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	link := func(path, target string) error { return os.Symlink(target, path) }
	have, err := update(folder, nil, map[string]string{"by-id/a": "../vda", "by-id/b": "../vdb"}, link)
	require.NoError(t, err)
	have, err = update(folder, have, map[string]string{"by-id/a": "../vdc", "by-id/c": "../vdd"}, link)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"by-id/a": "../vdc", "by-id/c": "../vdd"}, have)
	for name, target := range have {
		found, err := os.Readlink(filepath.Join(folder, name))
		require.NoError(t, err)
		assert.Equal(t, target, found)
	}
	assert.NoFileExists(t, filepath.Join(folder, "by-id/b"))

	have, err = update(folder, have, map[string]string{"by-id/e": "../vde"}, func(string, string) error {
		return errors.New("full")
	})
	assert.ErrorContains(t, err, "full")
	assert.Empty(t, have, "what could not be made is tried at the next event")
}

func TestVolumeLabel(t *testing.T) {
	t.Parallel()
	descriptor := make([]byte, identifierStart+identifierLength)
	copy(descriptor, "\x01CD001\x01")
	copy(descriptor[identifierStart:], "CIDATA                          ")
	assert.Equal(t, "cidata", volumeLabel(descriptor))
	copy(descriptor, "\x01NSR02")
	assert.Empty(t, volumeLabel(descriptor))
	assert.Empty(t, volumeLabel(nil))
}

func TestFindPort(t *testing.T) {
	t.Parallel()
	sys := tree(t, map[string]string{
		"class/virtio-ports/vport1p1/name": "org.libvirt.other\n",
		"class/virtio-ports/vport1p2/name": "org.qemu.guest_agent.0\n",
	})
	assert.Equal(t, "vport1p2", findPort(sys, agentPort))
	assert.Empty(t, findPort(sys, "org.spice"))
}

func TestUevent(t *testing.T) {
	t.Parallel()
	event := parseUevent([]byte("add@/devices/x/block/vdb\x00ACTION=add\x00SUBSYSTEM=block\x00DEVNAME=vdb\x00"))
	assert.Equal(t, uevent{"ACTION": "add", "SUBSYSTEM": "block", "DEVNAME": "vdb"}, event)
	assert.Nil(t, parseUevent([]byte("libudev\x00\xfe\xed\xca\xfe\x00ACTION=add\x00")))
}

package guest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/novasphere/wukong/e2e/devcluster/internal/artifact"
)

const (
	sector = 512
	// partitionStart is where the only partition begins. The boot loader is in front of it.
	partitionStart = 1 << 20
	// bootCodeSize is how much of the first sector is code; the partition table follows.
	bootCodeSize   = 440
	partitionTable = 446
	linuxPartition = 0x83
	bootable       = 0x80
)

// Names that files/initramfs.sh, the boot loader and the disks agree on.
const (
	kernelFile = "vmlinuz"
	bootSector = "boot.img"
)

func initramfsFile(name string) string { return name + ".cpio" }
func coreImage(name string) string     { return name + "-core.img" }

// disk is a disk image to be made.
type disk struct {
	name      string // of the boot loader that files/initramfs.sh made
	folder    string // what its file system contains
	size      int    // in MiB
	extFlags  []string
	boot      string // the folder with boot loaders
	imagePath string // where the raw image goes
}

// makeDisk writes a raw disk image: boot loader, one partition, an ext4 file system with the folder's files.
func makeDisk(ctx context.Context, build *artifact.Build, want disk) error {
	partition := want.imagePath + ".partition"
	size := int64(want.size)<<20 - partitionStart
	if err := sparseFile(partition, size); err != nil {
		return err
	}
	// What is left out of ext4 here, GRUB cannot read or a disk of this size does not need. All tables are written now, so
	// that the guest does not do it in the background of its first minute.
	arguments := append([]string{
		"mkfs.ext4", "-q", "-F", "-m", "0", "-L", "wukong-root", "-O", "^64bit,^metadata_csum",
		"-E", "lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0", "-d", want.folder,
	}, want.extFlags...)
	if err := build.Run(ctx, artifact.Command{Args: append(arguments, partition)}); err != nil {
		return fmt.Errorf("make the file system of disk %s: %w", want.name, err)
	}
	if err := sparseFile(want.imagePath, int64(want.size)<<20); err != nil {
		return err
	}
	if err := assembleDisk(want, partition, size); err != nil {
		return fmt.Errorf("assemble disk %s: %w", want.name, err)
	}
	return os.Remove(partition)
}

func sparseFile(path string, size int64) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Truncate(size), file.Close())
}

func assembleDisk(want disk, partition string, size int64) (err error) {
	image, err := os.OpenFile(want.imagePath, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, image.Close()) }()
	if err := writeBootLoader(image, want.boot, want.name); err != nil {
		return err
	}
	if _, err := image.WriteAt(partitionEntry(size), partitionTable); err != nil {
		return err
	}
	return copyData(image, partitionStart, partition)
}

// writeBootLoader puts GRUB where its own set-up program would: boot.img is the first sector, and loads the core image from
// the sectors behind it. Both facts are in boot.img and in the core image as grub-mkimage makes them
// (GRUB_BOOT_MACHINE_KERNEL_SECTOR is 1, and the first block list entry starts at sector 2), so nothing has to be patched.
func writeBootLoader(image *os.File, folder, name string) error {
	first, err := os.ReadFile(filepath.Join(folder, bootSector))
	if err != nil {
		return err
	}
	if len(first) != sector {
		return fmt.Errorf("%s has %d bytes, not %d", bootSector, len(first), sector)
	}
	core, err := os.ReadFile(filepath.Join(folder, coreImage(name)))
	if err != nil {
		return err
	}
	if len(core) > partitionStart-sector {
		return fmt.Errorf("boot loader of %d bytes does not fit in front of the partition", len(core))
	}
	if _, err := image.WriteAt(first[:bootCodeSize], 0); err != nil {
		return err
	}
	if _, err := image.WriteAt([]byte{0x55, 0xaa}, sector-2); err != nil {
		return err
	}
	_, err = image.WriteAt(core, sector)
	return err
}

// partitionEntry is the first entry of the partition table. Firmware that counts cylinders gets none that it could use.
func partitionEntry(size int64) []byte {
	entry := []byte{bootable, 0xfe, 0xff, 0xff, linuxPartition, 0xfe, 0xff, 0xff}
	entry = binary.LittleEndian.AppendUint32(entry, partitionStart/sector)
	return binary.LittleEndian.AppendUint32(entry, uint32(size/sector))
}

// copyData copies what is not a hole.
func copyData(to *os.File, offset int64, path string) error {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	position := int64(0)
	for {
		start, err := unix.Seek(int(from.Fd()), position, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil
		}
		if err != nil {
			return err
		}
		end, err := unix.Seek(int(from.Fd()), start, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.NewOffsetWriter(to, offset+start), io.NewSectionReader(from, start, end-start)); err != nil {
			return err
		}
		position = end
	}
}

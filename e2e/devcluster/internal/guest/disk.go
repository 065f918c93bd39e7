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

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
)

const (
	sector = 512
	// bootPartitionStart is where the partition with the boot loader for UEFI begins. The one for BIOS is in front of it.
	bootPartitionStart = 1 << 20
	// partitionStart is where the partition with everything else begins. It is the last, so that it can grow.
	partitionStart = 4 << 20
	// bootCodeSize is how much of the first sector is code; the partition table follows.
	bootCodeSize   = 440
	partitionTable = 446
	linuxPartition = 0x83
	efiPartition   = 0xef
	bootable       = 0x80
)

// Names that files/initramfs.sh, the boot loader and the disks agree on.
const (
	kernelFile = "vmlinuz"
	bootSector = "boot.img"
)

func initramfsFile(name string) string { return name + ".cpio" }
func coreImage(name string) string     { return name + "-core.img" }
func efiImage(name string) string      { return name + ".efi" }

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
		"mkfs.ext4", "-q", "-F", "-m", "0", "-L", "wukong-" + want.name, "-O", "^64bit,^metadata_csum",
		"-E", "lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0", "-d", want.folder,
	}, want.extFlags...)
	if err := build.Run(ctx, artifact.Command{Args: append(arguments, partition)}); err != nil {
		return fmt.Errorf("make the file system of disk %s: %w", want.name, err)
	}
	bootPartition := want.imagePath + ".boot"
	if err := makeBootPartition(ctx, build, want, bootPartition); err != nil {
		return fmt.Errorf("make the boot partition of disk %s: %w", want.name, err)
	}
	if err := sparseFile(want.imagePath, int64(want.size)<<20); err != nil {
		return err
	}
	if err := assembleDisk(want, partition, bootPartition, size); err != nil {
		return fmt.Errorf("assemble disk %s: %w", want.name, err)
	}
	return errors.Join(os.Remove(partition), os.Remove(bootPartition))
}

// makeBootPartition makes the file system from which UEFI firmware starts a disk that it does not know: one file of that name.
func makeBootPartition(ctx context.Context, build *artifact.Build, want disk, path string) error {
	if err := sparseFile(path, partitionStart-bootPartitionStart); err != nil {
		return err
	}
	loader := filepath.Join(want.boot, efiImage(want.name))
	for _, arguments := range [][]string{
		{"mkfs.vfat", "-n", "EFI", path},
		{"mmd", "-i", path, "::/EFI", "::/EFI/BOOT"},
		{"mcopy", "-i", path, loader, "::/EFI/BOOT/BOOTX64.EFI"},
	} {
		if err := build.Run(ctx, artifact.Command{Args: arguments}); err != nil {
			return err
		}
	}
	return nil
}

func sparseFile(path string, size int64) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Truncate(size), file.Close())
}

func assembleDisk(want disk, partition, bootPartition string, size int64) (err error) {
	image, err := os.OpenFile(want.imagePath, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, image.Close()) }()
	if err := writeBootLoader(image, want.boot, want.name); err != nil {
		return err
	}
	table := append(
		partitionEntry(bootable, linuxPartition, partitionStart, size),
		partitionEntry(0, efiPartition, bootPartitionStart, partitionStart-bootPartitionStart)...)
	if _, err := image.WriteAt(table, partitionTable); err != nil {
		return err
	}
	return errors.Join(copyData(image, bootPartitionStart, bootPartition), copyData(image, partitionStart, partition))
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
	if len(core) > bootPartitionStart-sector {
		return fmt.Errorf("boot loader of %d bytes does not fit in front of the partitions", len(core))
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

// partitionEntry is an entry of the partition table. Firmware that counts cylinders gets none that it could use.
func partitionEntry(flag, kind byte, start, size int64) []byte {
	entry := []byte{flag, 0xfe, 0xff, 0xff, kind, 0xfe, 0xff, 0xff}
	entry = binary.LittleEndian.AppendUint32(entry, uint32(start/sector))
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

package guest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
)

const (
	sector = 512
	// blockSize is that of the file system.
	blockSize = 4096
	// bootPartitionStart is where the partition with the boot loader for UEFI begins. The one for BIOS is in front of
	// it.
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

// Names that the scripts and the disks agree on.
const (
	kernelFile = "vmlinuz"
	bootSector = "boot.img"
)

func initramfsFile(name string) string { return name + ".cpio.lz4" }
func coreImage(name string) string     { return name + "-core.img" }
func efiImage(name string) string      { return name + ".efi" }

// disk is a disk image to be made.
type disk struct {
	name      string // in the label of its file system and the names of boot files
	folder    string // what its file system contains
	size      int    // in MiB
	journal   int    // in MiB
	boot      string // the folder with tools, where boot loaders are made
	files     fs.FS  // with files/grub.sh, which makes them
	imagePath string // where the raw image goes
}

// makeDisk writes a raw disk image: boot loader, one partition, an ext4 file system with the folder's files.
func makeDisk(ctx context.Context, build *artifact.Build, want disk) error {
	partition := want.imagePath + ".partition"
	size := int64(want.size)<<20 - partitionStart
	if err := sparseFile(partition, size); err != nil {
		return err
	}
	// What is left out of ext4 here, GRUB cannot read or a disk of this size does not need. All tables are written now,
	// so that the guest does not do it in the background of its first minute.
	arguments := []string{
		"mkfs.ext4", "-q", "-F", "-m", "0", "-L", "wukong-" + want.name, "-O", "^64bit,^metadata_csum",
		"-b", strconv.Itoa(blockSize), "-J", fmt.Sprintf("size=%d", want.journal),
		"-E", "lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0", "-d", want.folder, partition,
	}
	if err := build.Run(ctx, artifact.Command{Args: arguments}); err != nil {
		return fmt.Errorf("make the file system of disk %s: %w", want.name, err)
	}
	if err := makeBootLoaders(ctx, build, want, partition); err != nil {
		return fmt.Errorf("make the boot loaders of disk %s: %w", want.name, err)
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

// makeBootLoaders makes what finds the kernel and the initramfs in the partition, into the folder of its tools.
func makeBootLoaders(ctx context.Context, build *artifact.Build, want disk, partition string) error {
	arguments := []string{want.name}
	for _, name := range []string{kernelFile, initramfsFile(want.name)} {
		info, err := os.Stat(filepath.Join(want.folder, name))
		if err != nil {
			return err
		}
		blocks, err := exec.CommandContext(ctx, "debugfs", "-R", "blocks /"+name, partition).Output()
		if err != nil {
			return fmt.Errorf("ask debugfs for the blocks of %s: %w", name, err)
		}
		location, err := bootFile(name, string(blocks), info.Size())
		if err != nil {
			return fmt.Errorf("blocks of %s: %w", name, err)
		}
		arguments = append(arguments, location)
	}
	return runInside(ctx, build, want.tools(), want.files, "files/grub.sh", arguments...)
}

func (d disk) tools() string { return filepath.Join(d.boot, "tools") }

// bootFile is how GRUB is told of a file, by the numbers of the file's blocks in their order: as the piece of the
// partition in which it lies, FIRST+COUNT in sectors, which GRUB reads with few calls of the firmware, or, when it lies
// in several, by its path. A list of pieces would be wrong: what GRUB reads across the end of one is lost, since the
// target of the read does not move on (GRUB 2.12, grub-core/kern/fs.c, grub_fs_blocklist_read).
func bootFile(name, numbers string, size int64) (string, error) {
	fields := strings.Fields(numbers)
	if want := (size + blockSize - 1) / blockSize; int64(len(fields)) != want || want == 0 {
		return "", fmt.Errorf("a file of %d bytes has %d blocks, not %d", size, len(fields), want)
	}
	var first int64
	for index, field := range fields {
		block, err := strconv.ParseInt(field, 10, 64)
		if err != nil || block == 0 {
			return "", fmt.Errorf("%q is no number of a block", field)
		}
		if index == 0 {
			first = block
		}
		if block != first+int64(index) {
			return "/" + name, nil
		}
	}
	// GRUB takes the piece for the file, so that it ends with the file's last sector, and not with its last block.
	return fmt.Sprintf("%d+%d", first*(blockSize/sector), (size+sector-1)/sector), nil
}

// makeBootPartition makes the file system from which UEFI firmware starts a disk that it does not know: one file of
// that name.
func makeBootPartition(ctx context.Context, build *artifact.Build, want disk, path string) error {
	if err := sparseFile(path, partitionStart-bootPartitionStart); err != nil {
		return err
	}
	loader := filepath.Join(want.tools(), efiImage(want.name))
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
	if err := writeBootLoader(image, want.tools(), want.name); err != nil {
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

// writeBootLoader puts GRUB where its own set-up program would: boot.img is the first sector, and loads the core image
// from the sectors behind it. Both facts are in boot.img and in the core image as grub-mkimage makes them
// (GRUB_BOOT_MACHINE_KERNEL_SECTOR is 1, and the first block list entry starts at sector 2), so nothing has to be
// patched.
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
		if _, err := io.Copy(
			io.NewOffsetWriter(to, offset+start), io.NewSectionReader(from, start, end-start),
		); err != nil {
			return err
		}
		position = end
	}
}

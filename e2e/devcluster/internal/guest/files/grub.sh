#!/bin/sh
# grub.sh NAME KERNEL INITRAMFS: makes boot loaders for a disk whose first partition is labelled wukong-NAME: NAME-core.img for BIOS and NAME.efi
# for UEFI. Everything is in the image, so it reads two files and is done: no menu, no modules, no delay.
#
# A file is told as the piece of the partition in which it lies, SECTOR+COUNT, or by its path. GRUB reads a piece with few calls of the firmware; a file
# system it reads block by block, which takes an emulated processor three seconds more.
set -eu
busybox=/usr/bin/busybox
name=$1
$busybox cat > /bios.cfg <<END
linux (\$root)$2 $($busybox cat /command-line)
initrd (\$root)$3
boot
END
{
	echo "search --no-floppy --label wukong-$name --set=root"
	$busybox cat /bios.cfg
} > /efi.cfg
grub-mkimage -O i386-pc -o "/$name-core.img" -p '(,msdos1)/' -c /bios.cfg biosdisk part_msdos ext2 linux
grub-mkimage -O x86_64-efi -o "/$name.efi" -p / -c /efi.cfg part_msdos ext2 search search_label linux
$busybox cp /usr/lib/grub/i386-pc/boot.img /boot.img

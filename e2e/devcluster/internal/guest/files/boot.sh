# Functions that initramfs.sh and tiny.sh share. Both run inside the Debian root file system and make in /out the kernel, an initramfs archive and
# boot loaders, from the kernel, BusyBox and GRUB that are installed there.
#
# The archives stay uncompressed: under plain emulation the kernel unpacks slower than the firmware reads.
[ -c /dev/null ] || mknod -m 666 /dev/null c 1 3

release=$(ls /usr/lib/modules)
mkdir -p /out
cp /boot/vmlinuz-* /out/vmlinuz

# modules FOLDER MODULE...: unpacks the modules and all that they need into the folder, and adds their names to its file "order".
modules() {
	folder=$1
	shift
	mkdir -p "$folder"
	: >> "$folder/order"
	for module in "$@"; do
		modprobe --set-version "$release" --show-depends "$module" | while read -r kind path _; do
			[ "$kind" = insmod ] || continue
			file=$(basename "$path" .xz)
			grep -qx "$file" "$folder/order" && continue
			busybox xzcat "$path" > "$folder/$file"
			echo "$file" >> "$folder/order"
		done
	done
}

# initramfs NAME INIT MODULE...: an archive with BusyBox, INIT as /init and the modules with all that they need.
initramfs() {
	name=$1 init=$2
	shift 2
	root=/tmp/$name
	mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/run" "$root/tmp" "$root/etc" "$root/root"
	cp /usr/bin/busybox "$root/bin/busybox"
	cp "$init" "$root/init"
	chmod 755 "$root/init"
	modules "$root/lib/modules" "$@"
	(cd "$root" && find . | sort | busybox cpio -o -H newc) > "/out/$name.cpio"
	rm -rf "$root"
}

# grub NAME COMMAND_LINE: boot loaders for a disk whose first partition, labelled wukong-NAME, has the kernel and NAME.cpio:
# NAME-core.img for BIOS and NAME.efi for UEFI. Everything is in the image, so it reads two files and is done: no menu, no
# modules, no delay.
grub() {
	name=$1
	cat > /tmp/bios.cfg <<END
linux (\$root)/vmlinuz $2
initrd (\$root)/$name.cpio
boot
END
	(echo "search --no-floppy --label wukong-$name --set=root" && cat /tmp/bios.cfg) > /tmp/efi.cfg
	grub-mkimage -O i386-pc -o "/out/$name-core.img" -p '(,msdos1)/' -c /tmp/bios.cfg biosdisk part_msdos ext2 linux
	grub-mkimage -O x86_64-efi -o "/out/$name.efi" -p / -c /tmp/efi.cfg part_msdos ext2 search search_label linux
	rm /tmp/bios.cfg /tmp/efi.cfg
	cp /usr/lib/grub/i386-pc/boot.img /out/boot.img
}

disks="virtio_blk virtio_scsi sd_mod ahci"
quiet="console=tty0 console=ttyS0,115200 quiet loglevel=2 mitigations=off nokaslr nowatchdog audit=0 apparmor=0 selinux=0"
quiet="$quiet random.trust_cpu=on no_timer_check cryptomgr.notests rcupdate.rcu_expedited=1"

# Functions that initramfs.sh and tiny.sh share. Both run inside the Debian root file system and make in /out the kernel, an initramfs archive and
# what grub.sh needs, from the kernel, BusyBox and GRUB that are installed there.
[ -c /dev/null ] || mknod -m 666 /dev/null c 1 3

release=$(ls /usr/lib/modules)
mkdir -p /out
cp /boot/vmlinuz-* /out/vmlinuz
# GRUB places a kernel that calls itself relocatable (boot protocol 2.05, offset 0x234) at one address and then moves it to another, with all the
# memory that it unpacks into: sixty megabytes, byte by byte. One that does not is read to where it is started, and unpacks to the same place.
printf '\0' | dd of=/out/vmlinuz bs=1 seek=564 conv=notrunc status=none

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

# program ROOT PATH...: copies programs with their libraries below ROOT. A program of the same name in ROOT's /usr/bin gives way.
program() {
	below=$1
	shift
	for path in "$@"; do
		mkdir -p "$below${path%/*}"
		rm -f "$below/usr/bin/${path##*/}"
		cp -L "$path" "$below$path"
		ldd "$path" | awk '$2 == "=>" { print $3 } $1 ~ "^/" { print $1 }' | while read -r library; do
			mkdir -p "$below${library%/*}"
			[ -e "$below$library" ] || cp -L "$library" "$below$library"
		done
	done
}

# tools COMMAND_LINE: puts into /out/tools what grub.sh needs, when the disk's file system is made and the rest of this one is gone.
tools() {
	program /out/tools /usr/bin/busybox /usr/bin/grub-mkimage
	mkdir -p /out/tools/bin /out/tools/usr/lib/grub /out/tools/tmp
	ln -s ../usr/bin/busybox /out/tools/bin/sh
	cp -R /usr/lib/grub/i386-pc /usr/lib/grub/x86_64-efi /out/tools/usr/lib/grub/
	echo "$1" > /out/tools/command-line
}

disks="virtio_blk virtio_scsi sd_mod ahci"
quiet="console=tty0 console=ttyS0,115200 quiet loglevel=2 mitigations=off nokaslr nowatchdog audit=0 apparmor=0 selinux=0"
quiet="$quiet random.trust_cpu=on no_timer_check cryptomgr.notests rcupdate.rcu_expedited=1"

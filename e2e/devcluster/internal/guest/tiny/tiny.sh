#!/bin/sh
# Runs inside a Debian root file system: makes the initramfs of the tiny guest in /out, and its root file system in /out/root: BusyBox, a few of Debian's programs with their libraries, and the files in /build/tiny/root.
#
# The initramfs has no more than it takes to mount the root file system, since firmware reads it, slowly. All else is read by the kernel, when it
# is needed.
set -eu
. /build/files/boot.sh
initramfs tiny /build/tiny/initramfs-init $disks
# Memory that is plugged in is used at once: there is no udev that would ask for it.
tools "$quiet memhp_default_state=online"

root=/out/root
mkdir -p $root
cd $root
mkdir -p dev proc sys run tmp mnt srv root home etc var/lib/tiny usr/bin usr/sbin usr/lib usr/lib64
for folder in bin sbin lib lib64; do
	ln -s "usr/$folder" "$folder"
done
ln -s ../run var/run
ln -s ../tmp var/tmp
cp /usr/bin/busybox usr/bin/busybox
busybox --list | while read -r applet; do
	[ "$applet" = busybox ] || ln -s busybox "usr/bin/$applet"
done

# Debian's own where BusyBox has none, or a lesser one.
program $root /usr/sbin/qemu-ga /usr/sbin/mke2fs /usr/sbin/resize2fs /usr/sbin/e2fsck /usr/bin/lsblk /usr/bin/dd
ln -s mke2fs usr/sbin/mkfs.ext4
ln -s e2fsck usr/sbin/fsck.ext4
cp /etc/mke2fs.conf etc/
# isofs and sr_mod are for instance data and media; button and evdev for the power button.
modules usr/lib/modules virtio_net isofs sr_mod button evdev virtio_balloon virtio_mem

cp -R /build/tiny/root/. .
cp /build/guest-agent usr/sbin/guest-agent
chmod 755 usr/sbin/* usr/lib/tiny/* etc/acpi/* etc/qemu/fsfreeze-hook
for tool in meter connect; do
	ln -s ../sbin/guest-agent "usr/bin/$tool"
done
for name in poweroff reboot halt; do
	rm -f "usr/bin/$name"
	ln -s shutdown "usr/sbin/$name"
done
ln -s ../run/resolv.conf etc/resolv.conf
ln -s ../run/hosts etc/hosts
ln -s ../proc/self/mounts etc/mtab
rm -f usr/bin/init
ln -s ../bin/busybox usr/sbin/init
. /etc/os-release
cat > etc/os-release <<END
PRETTY_NAME="Wukong tiny guest"
NAME="Wukong tiny guest"
ID=wukong-tiny
ID_LIKE=debian
VERSION_ID="$VERSION_ID"
VERSION="$VERSION"
END

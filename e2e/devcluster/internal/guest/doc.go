// Package guest makes the operating systems that run inside the virtual machines of the dev cluster.
//
// There are two, both with Debian's cloud kernel, on a disk that boots by itself under BIOS and UEFI firmware (without
// secure boot) from a virtio, SCSI or SATA disk:
//
//   - Debian: systemd, cloud-init (NoCloud and ConfigDrive, network configuration v2 by systemd-networkd), QEMU's guest
//     agent, OpenSSH, growing root file system. For tests of what Debian itself makes of what it is given. It has no
//     user until cloud-init makes one.
//   - Tiny: BusyBox and an agent of its own (package guestagent). For all other tests. It prints "tiny: ready" when it
//     has booted, and then has a root shell on the serial console without a password, with the prompt "tiny# " and
//     without echo.
//
// # What the tiny guest has
//
//   - Instance data of a NoCloud or ConfigDrive disk: host name, users with a password, write_files and runcmd of a new
//     instance; a script as user-data; network configuration v2 of Ethernet interfaces, kept from the first boot of the
//     instance. What it does not know in a network configuration is reported on the console, and all interfaces ask for
//     DHCP then. The shell is there after runcmd has ended.
//   - DHCP for IPv4 on every interface that the network configuration does not name, also one that is plugged in later.
//     No address from a router's advertisement, unless accept-ra or dhcp6 says so.
//   - QEMU's guest agent, which calls /etc/qemu/fsfreeze-hook; it calls the programs in fsfreeze-hook.d, and writes
//     what happened to /run/fsfreeze.
//   - Names in /dev/disk/by-id of virtio, SCSI and SATA disks as udev gives them, and /dev/cdrom, while they come and
//     go.
//   - Debian's mkfs.ext4, resize2fs, e2fsck, lsblk and dd, and BusyBox for the rest; sudo, which changes nothing; web
//     PORT..., meter take|give [ADDRESS], connect ADDRESS PORT SECONDS.
//   - A root file system on its disk with a journal, so that what a test writes there is there after a restart. /run
//     and /tmp are in memory.
//   - The ACPI power button, poweroff, reboot and shutdown, which take a moment. Memory and processors that are plugged
//     in are used.
//
// It has no SSH, no Python, no bash, no VLANs or bonds, no groups, keys or rights of users, no package manager, and its
// root file system does not grow with its disk. It knows of cloud-config no more than what is said above; other keys
// are skipped. Its interfaces are eth0, eth1 and so on.
//
// # How they start
//
// Machines are emulated where there is no working /dev/kvm, and one second of a real processor is then ten. Both guests
// leave out what costs time at boot; files/debian.sh and files/boot.sh say what and why. The disks are made without
// mounting anything: the file systems are filled by mkfs.ext4 and mtools, and GRUB's first sectors are copied to where
// GRUB itself says that they go. The boot loader gets the places of kernel and initramfs on the disk, so it is made
// last.
package guest

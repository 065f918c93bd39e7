// Package guest makes the operating systems that run inside the virtual machines of the dev cluster.
//
// There are two, both with Debian's cloud kernel, on a disk that boots by itself under BIOS and UEFI firmware (without secure
// boot) from a virtio, SCSI or SATA disk:
//
//   - Debian: systemd, cloud-init (NoCloud and ConfigDrive, network configuration v2 by systemd-networkd), QEMU's guest
//     agent, OpenSSH, growing root file system. For tests of what a user sees inside a machine. It has no user until
//     cloud-init makes one.
//   - Tiny: BusyBox in an initramfs, DHCP on every interface, a root shell on the serial console without a password. For
//     tests that need a running machine and nothing in it. It prints "tiny: ready" when the shell is there.
//
// Machines are emulated where there is no working /dev/kvm, and one second of a real processor is then ten. Both guests
// leave out what costs time at boot; files/debian.sh says what and why. The disks are made without mounting anything: the
// file systems are filled by mkfs.ext4 and mtools, and GRUB's first sectors are copied to where GRUB itself says that they go.
package guest

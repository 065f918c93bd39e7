# Turns a Debian root file system into the one that KubeVirt's launcher and handler expect. Runs inside of it.

# KubeVirt runs QEMU as 107:107; the node labeller looks the name up.
groupadd --gid 107 qemu
useradd --uid 107 --gid 107 --home-dir /home/qemu --shell /bin/bash --no-create-home qemu
useradd --uid 1001 --user-group --home-dir / --shell /usr/sbin/nologin --no-create-home nonroot

# virt-handler follows this link through /proc/PID/root, so it must not be absolute.
ln -sfn ../run /var/run

# The launcher is not root. It reads this configuration, and finds the firmware by the names of another distribution.
chmod -R a+rX /etc/libvirt
ln -s OVMF_CODE_4M.fd /usr/share/OVMF/OVMF_CODE.fd
ln -s OVMF_VARS_4M.fd /usr/share/OVMF/OVMF_VARS.fd
ln -s OVMF_CODE_4M.secboot.fd /usr/share/OVMF/OVMF_CODE.secboot.fd
ln -s OVMF_VARS_4M.ms.fd /usr/share/OVMF/OVMF_VARS.secboot.fd

chmod 0755 /usr/bin/node-labeller.sh /usr/sbin/virtqemud /etc/libvirt/hooks/qemu
setcap cap_net_bind_service=+ep /usr/bin/virt-launcher-monitor

# Each launcher asks every emulator that it finds what it can do, by starting it. No guest here has 32 bits.
rm /usr/bin/qemu-system-i386

# It was linked on the machine that builds, against that machine's C library, which may be newer than this one's.
usage=$(/usr/bin/virt-launcher --help 2>&1 || true)
case $usage in
*Usage*) ;;
*)
	echo "virt-launcher does not run in its image: $usage" >&2
	exit 1
	;;
esac

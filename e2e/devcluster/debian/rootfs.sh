# Makes a Debian root file system: rootfs.sh FOLDER SUITE MIRROR PACKAGE...
root=$1 suite=$2 mirror=$3
shift 3

# The script named sid fits every release, also ones that are newer than this machine's debootstrap.
debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
	"$suite" "$root" "$mirror" /usr/share/debootstrap/scripts/sid

# No service starts while packages are installed.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 0755 "$root/usr/sbin/policy-rc.d"
# Documentation and translations are a quarter of the size.
cat >"$root/etc/dpkg/dpkg.cfg.d/slim" <<'SLIM'
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/man/*
SLIM
mount -t proc proc "$root/proc"
if [ $# -gt 0 ]; then
	DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$root" \
		apt-get install --yes --quiet --no-install-recommends "$@"
fi
umount "$root/proc"

rm -f "$root/usr/sbin/policy-rc.d"
rm -rf "$root"/usr/share/doc/* "$root"/usr/share/info/* "$root"/usr/share/locale/* "$root"/usr/share/man/*
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/cache/debconf/*-old "$root"/var/cache/ldconfig/*
rm -rf "$root"/dev/* "$root"/var/log/* "$root"/tmp/* "$root"/var/tmp/* "$root"/run/*
: >"$root/etc/machine-id"
# What this machine resolves names by is not for the image.
rm -f "$root/etc/resolv.conf" "$root/etc/hostname"
: >"$root/etc/resolv.conf"

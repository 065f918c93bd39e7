#!/bin/sh
# Runs inside the Debian guest's root file system, before it becomes a disk. Everything here is about the first boot under
# plain emulation, where one second of a real processor is ten: what a test guest does not need does not start.
set -eu
[ -c /dev/null ] || mknod -m 666 /dev/null c 1 3

# One name for the kernel, whatever its version, so that the boot loader's configuration needs none.
mv /boot/vmlinuz-* /vmlinuz
release=$(ls /usr/lib/modules)
rm -f /boot/* /etc/kernel/postinst.d/* /etc/kernel/postrm.d/* /etc/kernel/preinst.d/* 2>/dev/null || true

# No line for the root file system: systemd would wait for udev to find its device. The initramfs mounts it as it should be.
: > /etc/fstab
: > /etc/machine-id
mkdir -p /etc/selinux
echo SELINUX=disabled > /etc/selinux/config
rm -f /var/lib/dbus/machine-id /etc/ssh/ssh_host_*
echo debian > /etc/hostname
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf

# cloud-init writes /etc/systemd/network itself. Only one renderer is installed, so it has no choice to make.
systemctl enable systemd-networkd.service serial-getty@ttyS0.service qemu-guest-agent.service ssh.socket
systemctl disable ssh.service systemd-resolved.service
mkdir -p /etc/systemd/system/multi-user.target.wants
# Nothing before the login prompt resolves names.
ln -s /usr/lib/systemd/system/systemd-resolved.service /etc/systemd/system/multi-user.target.wants/
# Without its generator, cloud-init always runs; the generator looks for data sources, and then cloud-init does so again.
ln -s /usr/lib/systemd/system/cloud-init.target /etc/systemd/system/multi-user.target.wants/

mask_units() {
	for unit in "$@"; do
		ln -sf /dev/null "/etc/systemd/system/$unit"
	done
}
mask_units apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
	systemd-tmpfiles-clean.timer remote-fs.target getty-static.service getty@tty1.service grub-common.service
mask_units systemd-firstboot.service systemd-machine-id-commit.service systemd-update-done.service sshd-keygen.service \
	systemd-hwdb-update.service systemd-journal-catalog-update.service ldconfig.service
mask_units systemd-pstore.service systemd-journal-flush.service systemd-random-seed.service systemd-binfmt.service \
	proc-sys-fs-binfmt_misc.automount systemd-hibernate-clear.service systemd-udev-load-credentials.service \
	systemd-network-generator.service systemd-networkd-persistent-storage.service systemd-modules-load.service \
	systemd-tmpfiles-setup-dev-early.service systemd-tmpfiles-setup-dev.service kmod-static-nodes.service modprobe@drm.service \
	systemd-networkd-wait-online.service cloud-init-hotplugd.socket
mask_units systemd-tpm2-setup.service systemd-tpm2-setup-early.service systemd-pcrmachine.service systemd-pcrphase.service \
	systemd-pcrphase-sysinit.service systemd-creds.socket systemd-pcrextend.socket systemd-pcrlock.socket \
	systemd-sysext.socket systemd-initctl.socket systemd-ask-password-console.path systemd-ask-password-wall.path
mask_units tmp.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount \
	dev-hugepages.mount dev-mqueue.mount run-lock.mount
mkdir -p /etc/systemd/system-generators
for generator in cloud-init-generator systemd-ssh-generator systemd-sysv-generator systemd-tpm2-generator \
	systemd-gpt-auto-generator systemd-hibernate-resume-generator systemd-rc-local-generator \
	systemd-system-update-generator systemd-debug-generator systemd-run-generator systemd-fstab-generator
do
	ln -sf /dev/null "/etc/systemd/system-generators/$generator"
done

# Only devices for which a driver is still to be loaded, or for which something waits; the console first. The others, ten times as many, are
# there already, with the kernel's owners and modes. What comes later is handled as everywhere.
mkdir -p /etc/systemd/system/systemd-udev-trigger.service.d
matches=
for subsystem in block net input virtio virtio-ports pci acpi scsi rtc; do
	matches="$matches --subsystem-match=$subsystem"
done
cat > /etc/systemd/system/systemd-udev-trigger.service.d/few.conf <<EOF
[Service]
ExecStart=
ExecStart=-udevadm trigger --action=add /dev/ttyS0
ExecStart=-udevadm trigger --action=add --prioritized-subsystem=block,net$matches
EOF

# The agent calls the hook before it freezes file systems and after it has thawed them, and the hook calls what is in /etc/qemu/fsfreeze-hook.d.
# Debian's unit starts the agent without it, and reads no file of options.
mkdir -p /etc/systemd/system/qemu-guest-agent.service.d /etc/qemu/fsfreeze-hook.d
cat > /etc/systemd/system/qemu-guest-agent.service.d/freeze.conf <<EOF
[Service]
ExecStart=
ExecStart=-/usr/sbin/qemu-ga --fsfreeze-hook=/etc/qemu/fsfreeze-hook
EOF
[ -x /etc/qemu/fsfreeze-hook ]

# A processor that is plugged in is used at once: its event comes when it does. Those of the boot are online, and are not triggered above.
mkdir -p /etc/udev/rules.d
cat > /etc/udev/rules.d/80-processors.rules <<EOF
SUBSYSTEM=="cpu", ACTION=="add", ATTR{online}=="0", ATTR{online}="1"
EOF

# Fixed sizes keep systemd from asking a terminal that may have nobody at it.
mkdir -p /etc/systemd/system/serial-getty@ttyS0.service.d
printf '[Service]\nTTYRows=40\nTTYColumns=160\nTTYReset=no\n' > /etc/systemd/system/serial-getty@ttyS0.service.d/size.conf

mkdir -p /etc/systemd/journald.conf.d /etc/systemd/system.conf.d
printf '[Journal]\nStorage=volatile\n' > /etc/systemd/journald.conf.d/volatile.conf
# Nothing that starts is given up. With several emulated guests on a processor, udev takes longer than systemd's 90 seconds to find the console,
# and a guest without a login prompt runs for ever.
printf '[Manager]\nDefaultTimeoutStopSec=15s\nDefaultTimeoutStartSec=infinity\nDefaultDeviceTimeoutSec=infinity\n' \
	> /etc/systemd/system.conf.d/timeouts.conf

# The sources of instance data that KubeVirt offers, and the modules that a manifest can reach. An RSA host key alone would
# cost ten seconds.
cat > /etc/cloud/cloud.cfg.d/90_guest.cfg <<EOF
datasource_list: [ NoCloud, ConfigDrive, None ]
ssh_genkeytypes: [ ed25519 ]
ssh_quiet_keygen: true
no_ssh_fingerprints: true
manage_etc_hosts: true
cloud_init_modules: [ seed_random, bootcmd, write_files, disk_setup, mounts, set_hostname, update_hostname, update_etc_hosts, ca_certs, users_groups, ssh, set_passwords ]
cloud_config_modules: [ timezone, runcmd ]
cloud_final_modules: [ package_update_upgrade_install, write_files_deferred, scripts_per_once, scripts_per_boot, scripts_per_instance, scripts_user, phone_home, final_message, power_state_change ]
EOF

# Drivers that udev would load for the processor, and what cloud-init would load for five seconds to check a manifest's data, only to warn.
rm -rf /usr/lib/modules/"$release"/kernel/arch/x86/crypto /usr/lib/modules/"$release"/kernel/arch/x86/kvm \
	/usr/lib/modules/"$release"/kernel/drivers/powercap /usr/lib/modules/"$release"/kernel/virt /usr/lib/python3/dist-packages/jsonschema

# What a running guest never reads.
rm -rf /usr/share/i18n /usr/share/locale /usr/share/doc /usr/share/man /usr/share/grub /usr/lib/grub \
	/var/cache/apt /var/lib/apt/lists /var/cache/debconf/*-old /usr/share/initramfs-tools /etc/initramfs-tools \
	/usr/lib/udev/hwdb.bin /usr/lib/udev/hwdb.d /etc/udev/hwdb.bin /usr/lib/python3/dist-packages/*/tests /usr/lib/modules/"$release"/kernel/sound
mkdir -p /var/cache/apt/archives/partial /var/lib/apt/lists/partial
depmod "$release"
python3 -m compileall -q -o 0 /usr/lib/python3/dist-packages/cloudinit /usr/lib/python3.13 >/dev/null 2>&1 || true
rm -f /etc/dpkg/dpkg.cfg.d/slim
touch /etc/.updated /var/.updated

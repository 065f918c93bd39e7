#!/bin/sh
# Runs inside the Debian root file system, before debian.sh cleans it: makes the initramfs of the Debian guest in /out.
set -eu
. /build/files/boot.sh
initramfs root /build/files/boot-init $disks
tools "$quiet systemd.show_status=0"

#!/bin/bash
# Writes what QEMU and libvirt can do on this node, for virt-handler's node labels. KubeVirt's own script takes the presence of
# /dev/kvm for its use; here what does not answer is left for plain emulation.
set -euo pipefail

out=/var/lib/kubevirt-node-labeller
arch=$(uname -m)
machine=q35

if minor=$(grep -w kvm /proc/misc | cut -f 1 -d ' ') && [ -n "$minor" ] && [ ! -e /dev/kvm ]; then
	mknod /dev/kvm c 10 "$minor" || true
fi
[ ! -e /dev/kvm ] || chmod o+rw /dev/kvm || true

virtqemud -d
for _ in $(seq 100); do
	! virsh version >/dev/null 2>&1 || break
	sleep 0.1
done

type=kvm
if ! virsh domcapabilities --machine "$machine" --arch "$arch" --virttype kvm >"$out/virsh_domcapabilities.xml"; then
	type=qemu
	virsh domcapabilities --machine "$machine" --arch "$arch" --virttype qemu >"$out/virsh_domcapabilities.xml"
fi
virsh hypervisor-cpu-baseline --features "$out/virsh_domcapabilities.xml" \
	--machine "$machine" --arch "$arch" --virttype "$type" >"$out/supported_features.xml"
virsh capabilities >"$out/capabilities.xml"

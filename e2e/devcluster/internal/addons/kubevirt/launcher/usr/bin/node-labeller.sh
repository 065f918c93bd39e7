#!/bin/bash
# Writes what QEMU and libvirt can do on this node, for virt-handler's node labels. KubeVirt's own script takes the presence of
# /dev/kvm for its use. Here VIRT_TYPE, kvm or qemu, says what machines will really run with.
set -euo pipefail

out=/var/lib/kubevirt-node-labeller
type=${VIRT_TYPE:-qemu}
target=(--machine q35 --arch "$(uname -m)" --virttype "$type")

if [ "$type" = kvm ]; then
	if [ ! -e /dev/kvm ]; then
		mknod /dev/kvm c 10 "$(grep -w kvm /proc/misc | cut -f 1 -d ' ')"
	fi
	chmod o+rw /dev/kvm
fi

virtqemud -d
for _ in $(seq 100); do
	! virsh version >/dev/null 2>&1 || break
	sleep 0.1
done

virsh domcapabilities "${target[@]}" >"$out/virsh_domcapabilities.xml"
virsh hypervisor-cpu-baseline --features "$out/virsh_domcapabilities.xml" "${target[@]}" >"$out/supported_features.xml"
virsh capabilities >"$out/capabilities.xml"

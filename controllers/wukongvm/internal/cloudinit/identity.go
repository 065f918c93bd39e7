package cloudinit

import (
	"strings"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// renewMachineID gives the guest a new machine ID, by a shell. systemd-machine-id-setup takes the UUID of the firmware
// as the new ID, which no other guest has, if neither /etc/machine-id nor D-Bus has one (systemd,
// src/shared/machine-id-setup.c). D-Bus keeps its own copy on some distributions, and a link to /etc/machine-id on
// others. systemd-networkd derives its DHCP client identifier from the machine ID, so it must read the new one before
// it asks for an address again. Nothing happens in a guest without systemd.
var renewMachineID = strings.Join([]string{
	"command -v systemd-machine-id-setup >/dev/null || exit 0",
	": > /etc/machine-id",
	"rm -f /var/lib/dbus/machine-id",
	"systemd-machine-id-setup",
	"if [ -d /var/lib/dbus ]; then ln -sf /etc/machine-id /var/lib/dbus/machine-id; fi",
	"systemctl --no-block try-restart systemd-networkd.service",
}, "; ")

// setIdentity renews, or keeps, the identity of a clone. The instance ID that cloud-init sees is the UUID of the
// firmware (KubeVirt v1.7.0, pkg/cloud-init/cloud-init.go, cloudInitUUIDFromVMI), which is a new one unless the clone
// keeps its identity. So cloud-init acts as on a first boot: it deletes the SSH host keys and makes new ones, unless
// ssh_deletekeys is false (cc_ssh.py). It does not touch the machine ID. bootcmd runs at each boot, and cloud-init-per
// limits it to one run for each instance ID.
func (d *userData) setIdentity(vm *v1alpha1.WukongVM) {
	if _, isClone := vm.Annotations[v1alpha1.AnnotationClonedBy]; !isClone {
		return
	}
	renews := vm.Annotations[v1alpha1.AnnotationClonedIdentity] != string(v1alpha1.IdentityKeep)
	d.SSHDeleteKeys = &renews
	if renews {
		d.BootCommands = [][]text{{"cloud-init-per", "instance", "wukong-machine-id", "sh", "-c", text(renewMachineID)}}
	}
}

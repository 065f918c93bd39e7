package carry

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/operation"
)

// setIdentity sets the interfaces, the firmware and the host name.
func (in Inputs) setIdentity(spec *v1alpha1.WukongVMSpec) *operation.State {
	if found := in.setHostname(spec); found != nil {
		return found
	}
	if spec.Firmware == nil {
		spec.Firmware = &v1alpha1.Firmware{}
	}
	spec.Firmware.UUID, spec.Firmware.Serial = "", ""
	if in.keepsIdentity() {
		spec.Firmware.UUID, spec.Firmware.Serial = string(model.FirmwareUUID(in.Source)), model.FirmwareSerial(in.Source)
	}
	if *spec.Firmware == (v1alpha1.Firmware{}) {
		spec.Firmware = nil
	}
	if in.isIsolated() {
		spec.Networks = []v1alpha1.VMNetwork{{
			Name: "isolated", Pod: &v1alpha1.PodNetwork{}, LinkState: v1alpha1.LinkDown,
		}}
		return nil
	}
	return in.setNetworks(spec)
}

// setHostname sets the host name that the WukongClone gives, else that of the source if it is kept.
func (in Inputs) setHostname(spec *v1alpha1.WukongVMSpec) *operation.State {
	if spec.CloudInit == nil {
		spec.CloudInit = &v1alpha1.CloudInit{}
	}
	own := spec.CloudInit.UserDataSecretRef == nil
	hostname := in.overrides().Hostname
	if hostname != "" && !own {
		return operation.Pending(v1alpha1.ReasonInvalidSpec,
			"overrides.hostname cannot be set: cloudInit.userDataSecretRef of WukongVM %s is the whole user-data; "+
				"create another WukongClone without overrides.hostname", in.Source.Name)
	}
	if hostname == "" && own && in.keepsIdentity() {
		hostname = spec.CloudInit.Hostname
		if hostname == "" {
			hostname = in.Source.Name
		}
	}
	spec.CloudInit.Hostname = hostname
	if spec.CloudInit.Hostname == "" && spec.CloudInit.Timezone == "" && len(spec.CloudInit.Users) == 0 && own &&
		spec.CloudInit.NetworkDataSecretRef == nil {
		spec.CloudInit = nil
	}
	return nil
}

// MachineID is what happens to the machine ID of the guest of a clone.
func MachineID(identity v1alpha1.IdentityPolicy, spec *v1alpha1.WukongVMSpec) v1alpha1.MachineIDRenewal {
	switch {
	case identity == v1alpha1.IdentityKeep:
		return v1alpha1.MachineIDKept
	case spec.CloudInit != nil && spec.CloudInit.UserDataSecretRef != nil:
		return v1alpha1.MachineIDNotRenewed
	default:
		return v1alpha1.MachineIDRenewed
	}
}

// setNetworks makes the interfaces: those of overrides as they are, and the others with or without their addresses.
func (in Inputs) setNetworks(spec *v1alpha1.WukongVMSpec) *operation.State {
	given := in.overrides().Networks
	networks := slices.Clone(spec.Networks)
	if in.keepsIdentity() && len(given) == 0 {
		networks = slices.Clone(model.Interfaces(in.Source)) // the implicit one has a MAC address, too
	}
	var static, unrestricted []string
	for i := range networks {
		network := networks[i].DeepCopy()
		at := slices.IndexFunc(given, func(other v1alpha1.VMNetwork) bool { return other.Name == network.Name })
		switch {
		case at >= 0:
			network = given[at].DeepCopy()
		case in.keepsIdentity():
			network.MACAddress = model.MAC(in.Source, network)
		default:
			if len(network.Addresses) > 0 {
				static = append(static, network.Name)
			}
			renew(network)
		}
		if network.Template != nil && at < 0 {
			network.Template.Labels = metadata(network.Template.Labels, nil)
			network.Template.Spec.WukongRef = nil
		}
		if template := network.Template; template != nil && template.Spec.HostAccess == v1alpha1.HostAccessUnrestricted {
			unrestricted = append(unrestricted, network.Name)
		}
		networks[i] = *network
	}
	if found := in.refusal(static, unrestricted); found != nil {
		return found
	}
	for i := range given {
		if !slices.ContainsFunc(networks, func(other v1alpha1.VMNetwork) bool { return other.Name == given[i].Name }) {
			networks = append(networks, given[i])
		}
	}
	spec.Networks = networks
	return nil
}

// refusal reports the interfaces that cannot be carried over: those with static addresses, and those whose template
// only an administrator may write. Wukong writes the clone with its own rights, which are more than those of its user.
func (in Inputs) refusal(static, unrestricted []string) *operation.State {
	switch {
	case len(unrestricted) > 0 && !in.ByUser:
		return operation.Pending(v1alpha1.ReasonHostAccessDenied,
			"spec.networks of WukongVM %s has a template with hostAccess Unrestricted on %s, which only an administrator may "+
				"write: create another WukongClone that names an existing WukongNetwork for these entries in overrides.networks",
			in.Source.Name, strings.Join(unrestricted, ", "))
	case len(static) > 0:
		return operation.Pending(v1alpha1.ReasonAddressWouldClash,
			"spec.networks of WukongVM %s has static addresses on %s, which the source has, too: create another WukongClone "+
				"that gives these entries in overrides.networks, with other addresses or another addressMode",
			in.Source.Name, strings.Join(static, ", "))
	default:
		return nil
	}
}

// renew removes the identity of an interface. keepAddresses needs an address to keep.
func renew(network *v1alpha1.VMNetwork) {
	network.MACAddress = ""
	if network.AddressMode == v1alpha1.AddressDHCP || network.AddressMode == v1alpha1.AddressNone {
		network.KeepAddresses = nil
	}
}

// Held returns the addresses of a clone that keeps them and that are assigned to, or reserved for, its source.
func Held(vm *v1alpha1.WukongVM, addresses []v1alpha1.WukongAddress) []string {
	wanted := map[string]bool{}
	for i := range vm.Spec.Networks {
		network := &vm.Spec.Networks[i]
		wanted[strings.ToLower(network.MACAddress)] = true
		for _, address := range network.Addresses {
			text, _, _ := strings.Cut(string(address), "/")
			if parsed, err := netip.ParseAddr(text); err == nil {
				wanted[parsed.String()] = true
			}
		}
	}
	delete(wanted, "")
	var held []string
	for i := range addresses {
		spec := &addresses[i].Spec
		for _, one := range []string{string(spec.Address), spec.MACAddress} {
			if wanted[one] {
				held = append(held, one)
			}
		}
	}
	slices.Sort(held)
	return slices.Compact(held)
}

package nics

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// ofType gives the network of interface lan another type. Its addresses are of its subnet as before.
func ofType(networkType v1alpha1.NetworkType, change func(*v1alpha1.WukongNetworkSpec)) func(*Inputs) {
	return func(in *Inputs) {
		spec := &in.Networks["office"].Spec
		spec.Type, spec.Bridge = networkType, nil
		change(spec)
	}
}

func virtualFunction(spec *v1alpha1.WukongNetworkSpec) {
	spec.SRIOV = &v1alpha1.SRIOVNetwork{ResourceName: "example.com/vf"}
}

func attachedTo(binding v1alpha1.AttachmentBinding) func(*v1alpha1.WukongNetworkSpec) {
	return func(spec *v1alpha1.WukongNetworkSpec) {
		spec.NetworkAttachmentDefinition = &v1alpha1.AttachmentReference{
			Namespace: "lab", Name: "trunk", Binding: binding,
		}
	}
}

// How KubeVirt connects the guest with each type of network, and whether the interface has a cable that can be pulled.
func TestBindingOfEachType(t *testing.T) {
	passt := func(in *Inputs) {
		in.VM.Spec.Networks[1] = v1alpha1.VMNetwork{
			Name: "lan", Pod: &v1alpha1.PodNetwork{Binding: v1alpha1.PodBindingPasst},
		}
		in.Passt = true
	}
	macvlan := func(mode v1alpha1.MacvlanMode) func(*v1alpha1.WukongNetworkSpec) {
		return func(spec *v1alpha1.WukongNetworkSpec) {
			spec.Macvlan = &v1alpha1.MacvlanNetwork{Master: "eth1", Mode: mode}
		}
	}
	for name, row := range map[string]struct {
		change func(*Inputs)
		// binding of the interface, attachment of its network; empty for the pod network.
		binding, attachment string
		noCable             bool
	}{
		"a bridge": {func(*Inputs) {}, "bridge", "shop/office", false},
		"the pod network of a WukongNetwork": {ofType(v1alpha1.NetworkTypePod, func(*v1alpha1.WukongNetworkSpec) {}),
			"masquerade", "", false},
		"the pod network by passt": {passt, "plugin passt", "", false},
		"macvlan": {ofType(v1alpha1.NetworkTypeMacvlan, macvlan("Bridge")), "plugin macvtap",
			"shop/office", false},
		"macvlan with a card of its own": {ofType(v1alpha1.NetworkTypeMacvlan, macvlan(v1alpha1.MacvlanPassthru)),
			"bridge", "shop/office", false},
		"SR-IOV": {ofType(v1alpha1.NetworkTypeSRIOV, virtualFunction), "sriov", "shop/office",
			true},
		"an attachment": {ofType(v1alpha1.NetworkTypeAttachment, attachedTo("")), "bridge", "lab/trunk",
			false},
		"an attachment of virtual devices": {ofType(v1alpha1.NetworkTypeAttachment,
			attachedTo(v1alpha1.AttachmentBindingSRIOV)), "sriov", "lab/trunk", true},
	} {
		t.Run(name, func(t *testing.T) {
			in := onLAN()
			row.change(in)
			in.VM.Spec.Networks[1].LinkState = v1alpha1.LinkDown
			devices, networks := Make(*in).Devices()
			require.Len(t, devices, 2)
			assert.Equal(t, row.binding, bindingOf(&devices[1]))
			down := kubevirtv1.InterfaceStateLinkDown
			if row.noCable {
				down = ""
			}
			assert.Equal(t, down, devices[1].State)
			assert.Equal(t, "lan", networks[1].Name)
			if row.attachment == "" {
				assert.NotNil(t, networks[1].Pod)
				assert.Nil(t, networks[1].Multus)
			} else if assert.NotNil(t, networks[1].Multus) {
				assert.Equal(t, row.attachment, networks[1].Multus.NetworkName)
			}
		})
	}
}

func bindingOf(device *kubevirtv1.Interface) string {
	switch {
	case device.Binding != nil:
		return "plugin " + device.Binding.Name
	case device.Masquerade != nil:
		return "masquerade"
	case device.SRIOV != nil:
		return "sriov"
	case device.Bridge != nil:
		return "bridge"
	default:
		return ""
	}
}

// The messages tell a user what to change, and where.
func TestMessagesOfProblems(t *testing.T) {
	rate := func(text string) *resource.Quantity { return ptr.To(resource.MustParse(text)) }
	limited := func(in *Inputs, bandwidth v1alpha1.Bandwidth) { in.VM.Spec.Networks[1].Bandwidth = &bandwidth }
	const outOfRange = "is in bits per second, from 1k to 1T: correct it here or in WukongNetwork office"
	for name, row := range map[string]struct {
		change  func(*Inputs)
		message string
	}{
		"no network": {func(in *Inputs) { in.Networks["office"] = nil },
			"WukongNetwork office does not exist; create it, or correct networkRef"},
		"it is being deleted": {
			func(in *Inputs) { in.Networks["office"].DeletionTimestamp = ptr.To(metav1.Unix(1, 0)) },
			"WukongNetwork office is being deleted; take it out of spec.networks",
		},
		"it is not ready": {func(in *Inputs) {
			ready := &in.Networks["office"].Status.Conditions[0]
			ready.Status, ready.Message = metav1.ConditionFalse, "the bridge is being made"
		}, "WukongNetwork office: the bridge is being made"},
		"too slow": {func(in *Inputs) { limited(in, v1alpha1.Bandwidth{Ingress: rate("999")}) },
			"bandwidth of interface lan " + outOfRange},
		"too fast": {func(in *Inputs) { limited(in, v1alpha1.Bandwidth{Egress: rate("1001G")}) },
			"bandwidth of interface lan " + outOfRange},
		"the network's is too slow": {func(in *Inputs) {
			in.Networks["office"].Spec.Bandwidth = &v1alpha1.Bandwidth{Egress: rate("1")}
		}, "bandwidth of interface lan " + outOfRange},
		"the limits": {func(in *Inputs) { limited(in, v1alpha1.Bandwidth{Ingress: rate("1k"), Egress: rate("1T")}) }, ""},
		"its own instead of the network's": {func(in *Inputs) {
			in.Networks["office"].Spec.Bandwidth = &v1alpha1.Bandwidth{Egress: rate("1")}
			limited(in, v1alpha1.Bandwidth{Egress: rate("1M")})
		}, ""},
		"bandwidth of a virtual function": {func(in *Inputs) {
			ofType(v1alpha1.NetworkTypeSRIOV, virtualFunction)(in)
			limited(in, v1alpha1.Bandwidth{Ingress: rate("1M")})
		}, "bandwidth of interface lan: only networks of type Bridge can limit it, and WukongNetwork office is of type " +
			"SRIOV; leave it out"},
		"DHCP of two addresses": {func(in *Inputs) {
			in.VM.Spec.Networks[1].AddressDelivery = v1alpha1.DeliverByDHCP
			in.VM.Spec.Networks[1].Addresses = []v1alpha1.InterfaceAddress{"10.7.0.9/24", "10.7.0.10/24"}
		}, "addressDelivery DHCP of interface lan takes exactly one IPv4 address, on a network of type Bridge; leave it " +
			"out, or give the one address"},
		"DHCP of an IPv6 address": {func(in *Inputs) {
			in.Networks["office"].Spec.Subnets = []v1alpha1.Subnet{{CIDR: "2001:db8::/64"}}
			in.VM.Spec.Networks[1].AddressDelivery = v1alpha1.DeliverByDHCP
			in.VM.Spec.Networks[1].Addresses = []v1alpha1.InterfaceAddress{"2001:db8::9/64"}
		}, "addressDelivery DHCP of interface lan takes exactly one IPv4 address, on a network of type Bridge; leave it " +
			"out, or give the one address"},
		"a cable of a virtual function": {func(in *Inputs) {
			ofType(v1alpha1.NetworkTypeAttachment, attachedTo(v1alpha1.AttachmentBindingSRIOV))(in)
			in.VM.Spec.Networks[1].LinkState = v1alpha1.LinkDown
		}, "linkState Down of interface lan has no effect: a virtual function has no virtual cable; leave linkState out, " +
			"or set sriov.linkState of the network"},
	} {
		in := onLAN()
		row.change(in)
		found := Make(*in).Problem()
		if row.message == "" {
			assert.Nil(t, found, name)
		} else if assert.NotNil(t, found, name) {
			assert.Equal(t, row.message, found.Message, name)
		}
	}
}

// By DHCP, KubeVirt gives the guest its address, and cloud-init must not.
func TestAnAddressByDHCP(t *testing.T) {
	in := onLAN()
	in.VM.Spec.Networks[1].AddressDelivery = v1alpha1.DeliverByDHCP
	plan := Make(*in)
	require.Nil(t, plan.Problem())
	require.Len(t, plan.CloudInit(), 2)
	assert.Equal(t, v1alpha1.AddressDHCP, plan.CloudInit()[1].Mode)
	assert.Empty(t, plan.CloudInit()[1].Addresses)
	require.Len(t, plan.OwnAttachments(), 1)
	assert.Contains(t, plan.OwnAttachments()[0].Spec.Config, "10.7.0.9/24")
	assert.Equal(t, "shop/"+plan.OwnAttachments()[0].Name, plan.Status()[1].Attachment)
	assert.Equal(t, []v1alpha1.VMAddress{{Address: "10.7.0.9", Source: v1alpha1.VMAddressAllocation}},
		plan.Status()[1].AddressSources)
}

// Two interfaces with one address are refused.
func TestOneAddressTwice(t *testing.T) {
	in := onLAN()
	second := *in.VM.Spec.Networks[1].DeepCopy()
	second.Name = "wan"
	in.VM.Spec.Networks = append(in.VM.Spec.Networks, second)
	found := Make(*in).Problem()
	require.NotNil(t, found)
	assert.Equal(t, v1alpha1.ReasonAddressInvalid, found.Reason)
	assert.True(t, found.Blocking)
}

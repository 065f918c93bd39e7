package nics

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/addresses"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// onLAN is a WukongVM with an interface on the pod network and one on a network of a bridge, which is ready.
func onLAN() *Inputs {
	return &Inputs{
		VM: &v1alpha1.WukongVM{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "one"},
			Spec: v1alpha1.WukongVMSpec{Networks: []v1alpha1.VMNetwork{
				{Name: "pod", Pod: &v1alpha1.PodNetwork{}},
				{Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "office"},
					Addresses: []v1alpha1.InterfaceAddress{"10.7.0.9/24"}},
			}},
		},
		Networks: Networks{"office": {
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "office"},
			Spec: v1alpha1.WukongNetworkSpec{
				Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br0"},
				Subnets: []v1alpha1.Subnet{{CIDR: "10.7.0.0/24"}},
			},
			Status: v1alpha1.WukongNetworkStatus{Conditions: []metav1.Condition{{
				Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady,
			}}},
		}},
		Locks: addresses.NewLocks(),
	}
}

// write makes the VirtualMachine have the interfaces that it is to have, and run makes an instance of it that runs.
func write(in *Inputs) {
	in.Machine = &kubevirtv1.VirtualMachine{
		ObjectMeta: metav1.ObjectMeta{ResourceVersion: "7"},
		Spec:       kubevirtv1.VirtualMachineSpec{Template: &kubevirtv1.VirtualMachineInstanceTemplateSpec{}},
	}
	spec := &in.Machine.Spec.Template.Spec
	spec.Domain.Devices.Interfaces, spec.Networks = Make(*in).Devices()
}

func run(in *Inputs) {
	write(in)
	in.Instance = keeptest.Object(&kubevirtv1.VirtualMachineInstance{
		Spec: *in.Machine.Spec.Template.Spec.DeepCopy(),
	}, virt.KeepInstance)
	in.Instance.Status.Phase = kubevirtv1.Running
	for _, network := range in.Instance.Spec.Networks {
		in.Instance.Status.Interfaces = append(in.Instance.Status.Interfaces,
			kubevirtv1.VirtualMachineInstanceNetworkInterface{
				Name: network.Name, InfoSource: "domain, multus-status",
			})
	}
}

func TestWhatInterfacesHave(t *testing.T) {
	in := onLAN()
	plan := Make(*in)
	require.Nil(t, plan.Problem())
	assert.Len(t, plan.CloudInit(), 2)
	assert.Empty(t, plan.Attachments(), "the network's own does")
	devices, networks := plan.Devices()
	assert.NotNil(t, devices[0].Masquerade)
	assert.NotNil(t, networks[0].Pod)
	assert.NotNil(t, devices[1].Bridge)
	assert.Equal(t, "shop/office", networks[1].Multus.NetworkName)

	status := plan.Status()
	assert.Equal(t, "shop/office", status[1].Attachment)
	assert.Equal(t, []v1alpha1.VMAddress{{Address: "10.7.0.9", Source: v1alpha1.VMAddressAllocation}},
		status[1].AddressSources)
	run(in)
	in.Instance.Status.Interfaces[1].IPs, in.Instance.Status.Interfaces[1].InfoSource = []string{"10.7.0.9"},
		"domain, guest-agent"
	status = Make(*in).Status()
	assert.Equal(t, v1alpha1.VMNetworkAttached, status[1].State)
	assert.Equal(t, []v1alpha1.VMAddress{{Address: "10.7.0.9", Source: v1alpha1.VMAddressAgent}},
		status[1].AddressSources, "seen, and not twice")
}

func TestWhatKeepsAMachineFromItsInterfaces(t *testing.T) {
	lan := func(in *Inputs) *v1alpha1.VMNetwork { return &in.VM.Spec.Networks[1] }
	office := func(in *Inputs) *v1alpha1.WukongNetwork { return in.Networks["office"] }
	pending := func(in *Inputs) { office(in).Status.Conditions[0].Status = metav1.ConditionFalse }
	for name, row := range map[string]struct {
		change func(*Inputs)
		reason string
		// of a machine that does not exist, and of one whose guest runs
		blocksNew, blocksRunning bool
	}{
		"no network": {func(in *Inputs) { in.Networks["office"] = nil }, v1alpha1.ReasonWaitingForNetwork,
			true, false},
		"it is being deleted": {func(in *Inputs) { office(in).DeletionTimestamp = ptr.To(metav1.Now()) },
			v1alpha1.ReasonWaitingForNetwork, true, false},
		"it is not ready": {pending, v1alpha1.ReasonWaitingForNetwork, true, false},
		"address out of range": {func(in *Inputs) { lan(in).Addresses = []v1alpha1.InterfaceAddress{"10.8.0.9/24"} },
			v1alpha1.ReasonAddressInvalid, true, true},
		"its address is another's": {func(in *Inputs) {
			in.Locks.Problems["lan"] = &cause.Cause{Reason: v1alpha1.ReasonAddressInUse, Blocking: true}
		}, v1alpha1.ReasonAddressInUse, true, false},
		"bandwidth on no bridge": {func(in *Inputs) {
			office(in).Spec.Type, office(in).Spec.Bridge = v1alpha1.NetworkTypeMacvlan, nil
			office(in).Spec.Macvlan = &v1alpha1.MacvlanNetwork{Master: "eth1"}
			lan(in).Bandwidth = &v1alpha1.Bandwidth{Ingress: ptr.To(resource.MustParse("1M"))}
		}, v1alpha1.ReasonBandwidthUnsupported, true, false},
		"bandwidth of nothing": {func(in *Inputs) {
			lan(in).Bandwidth = &v1alpha1.Bandwidth{Egress: ptr.To(resource.MustParse("1"))}
		}, v1alpha1.ReasonInvalidSpec, true, false},
		"DHCP without an address": {func(in *Inputs) {
			lan(in).Addresses, lan(in).AddressDelivery = nil, v1alpha1.DeliverByDHCP
		}, v1alpha1.ReasonAddressInvalid, true, true},
		"a cable of a virtual function": {func(in *Inputs) {
			office(in).Spec.Type, office(in).Spec.Bridge = v1alpha1.NetworkTypeSRIOV, nil
			office(in).Spec.SRIOV = &v1alpha1.SRIOVNetwork{ResourceName: "example.com/vf"}
			lan(in).LinkState = v1alpha1.LinkDown
		}, v1alpha1.ReasonInvalidSpec, true, false},
		"no plugin": {func(in *Inputs) { in.VM.Spec.Networks[0].Pod.Binding = v1alpha1.PodBindingPasst },
			v1alpha1.ReasonBindingMissing, true, false},
		"an address seen elsewhere": {func(in *Inputs) {
			in.SeenElsewhere = &cause.Cause{Reason: v1alpha1.ReasonAddressObservedElsewhere}
		}, v1alpha1.ReasonAddressObservedElsewhere, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			fresh, running := onLAN(), onLAN()
			run(running)
			row.change(fresh)
			row.change(running)
			for in, blocks := range map[*Inputs]bool{fresh: row.blocksNew, running: row.blocksRunning} {
				found := Make(*in).Problem()
				require.NotNil(t, found)
				assert.Equal(t, row.reason, found.Reason)
				assert.Equal(t, blocks, found.Blocking, found.Message)
			}
		})
	}
}

// A guest keeps an interface whose network is not ready any more, and gets no new one before it is.
func TestAnInterfaceOfAGuestThatRuns(t *testing.T) {
	in := onLAN()
	run(in)
	in.Networks["office"] = nil
	devices, _ := Make(*in).Devices()
	assert.Len(t, devices, 2)
	assert.Empty(t, Make(*in).Lock(), "nothing changes")

	in = onLAN()
	listed := in.VM.Spec.Networks
	in.VM.Spec.Networks = listed[:1]
	run(in)
	in.VM.Spec.Networks = listed
	assert.Equal(t, "7", Make(*in).Lock(), "it is written over the VirtualMachine that was read")
	office := &in.Networks["office"].Status.Conditions[0]
	office.Status, office.Message = metav1.ConditionFalse, "not yet"
	plan := Make(*in)
	devices, _ = plan.Devices()
	assert.Len(t, devices, 1)
	status := plan.Status()[1]
	assert.Equal(t, v1alpha1.VMNetworkWaiting, status.State)
	assert.Contains(t, status.Message, "WukongNetwork office: not yet")
}

func TestAnInterfaceThatComesByAMigration(t *testing.T) {
	in := onLAN()
	listed := in.VM.Spec.Networks
	in.VM.Spec.Networks = listed[:1]
	run(in)
	in.VM.Spec.Networks = listed
	write(in)
	in.Instance.Status.Conditions = []kubevirtv1.VirtualMachineInstanceCondition{{
		Type: kubevirtv1.VirtualMachineInstanceMigrationRequired, Status: corev1.ConditionTrue,
	}}
	plan := Make(*in)
	assert.Equal(t, v1alpha1.ReasonMigrationRequired, plan.Problem().Reason)
	assert.True(t, plan.Problem().Waiting)
	assert.Contains(t, plan.Status()[1].Message, "virtctl migrate web")
	in.Instance.Status.Conditions = append(in.Instance.Status.Conditions, kubevirtv1.VirtualMachineInstanceCondition{
		Type: kubevirtv1.VirtualMachineInstanceIsMigratable, Status: corev1.ConditionFalse, Message: "it has a GPU",
	})
	assert.False(t, Make(*in).Problem().Waiting)
	assert.Contains(t, Make(*in).Problem().Message, "it has a GPU")
}

// Fault A.1: what the namespace may not use is not offered to its pods, not even by an attachment of the interface's
// own.
func TestAWithheldNetworkHasNoAttachmentOfItsOwn(t *testing.T) {
	in := onLAN()
	in.VM.Spec.Networks[1].Bandwidth = &v1alpha1.Bandwidth{Ingress: ptr.To(resource.MustParse("1M"))}
	plan := Make(*in)
	require.Len(t, plan.Attachments(), 1)
	assert.False(t, plan.Withholds())
	own := plan.Attachments()["lan"].Name
	run(in)
	assert.True(t, Make(*in).HasAttachment("shop/"+own))

	denied := func(in *Inputs) { in.Networks["office"].Status.Conditions[0].Reason = v1alpha1.ReasonHostAccessDenied }
	denied(in)
	assert.True(t, Make(*in).HasAttachment("shop/"+own), "a guest that runs has it")
	assert.Len(t, Make(*in).Attachments(), 1)
	in.Instance = nil
	assert.False(t, Make(*in).HasAttachment("shop/"+own))
	assert.Empty(t, Make(*in).Attachments())
	assert.True(t, Make(*in).Withholds())
}

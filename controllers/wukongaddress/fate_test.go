package wukongaddress

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

const uid = "uid-1"

func lock(name, address string) v1alpha1.WukongAddress {
	return v1alpha1.WukongAddress{
		ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.Unix(int64(len(name)), 0)},
		Spec: v1alpha1.WukongAddressSpec{
			Segment: "bridge/br0/0", Address: v1alpha1.IPAddress(address),
			Network: v1alpha1.AddressNetwork{Namespace: "web", Name: "lan"},
			Holder:  v1alpha1.AddressHolder{Namespace: "web", Name: "web", UID: uid, InterfaceName: "lan"},
		},
	}
}

// held returns a WukongVM that has 10.0.0.5, runs with it, and has observed its spec.
func held() *facts {
	nic := v1alpha1.VMNetwork{Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"}}
	labels := map[string]string{v1alpha1.LabelVM: uid}
	return &facts{
		vm: &v1alpha1.WukongVM{
			ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "web", UID: uid, Generation: 2},
			Spec:       v1alpha1.WukongVMSpec{Networks: []v1alpha1.VMNetwork{nic}},
			Status:     v1alpha1.WukongVMStatus{ObservedGeneration: 2},
		},
		virtualMachine: &kubevirtv1.VirtualMachine{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec: kubevirtv1.VirtualMachineSpec{Template: &kubevirtv1.VirtualMachineInstanceTemplateSpec{
				Spec: kubevirtv1.VirtualMachineInstanceSpec{Networks: []kubevirtv1.Network{{Name: "lan"}}}}},
		},
		instance: keeptest.Object(&kubevirtv1.VirtualMachineInstance{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Status: kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Running,
				Interfaces: []kubevirtv1.VirtualMachineInstanceNetworkInterface{{Name: "lan", InfoSource: "domain"}}},
		}, keepInstance),
		network: &v1alpha1.WukongNetwork{
			ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "lan"},
			Spec: v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge,
				Bridge:  &v1alpha1.BridgeNetwork{Name: "br0"},
				Subnets: []v1alpha1.Subnet{{CIDR: "10.0.0.0/24", Pool: &v1alpha1.AddressPool{}}}},
		},
	}
}

// The name of each row is the rule; change creates its case.
func TestDecide(t *testing.T) {
	nic := func(f *facts) *v1alpha1.VMNetwork { return &f.vm.Spec.Networks[0] }
	stop := func(f *facts) { f.instance = nil }
	agent := func(f *facts, addresses ...string) {
		first := &f.instance.Status.Interfaces[0]
		first.InfoSource, first.IPs = "domain, guest-agent", addresses
	}
	noNIC := func(f *facts) { f.vm.Spec.Networks = []v1alpha1.VMNetwork{{Name: "pods", Pod: &v1alpha1.PodNetwork{}}} }
	for name, test := range map[string]struct {
		change func(*facts, *v1alpha1.WukongAddress)
		wanted fate
	}{
		"it is in use":           {func(*facts, *v1alpha1.WukongAddress) {}, fateStay},
		"its machine is stopped": {func(f *facts, _ *v1alpha1.WukongAddress) { stop(f) }, fateStay},
		"the pool is gone": {
			func(f *facts, _ *v1alpha1.WukongAddress) { f.network.Spec.Subnets[0].Pool = nil; stop(f) }, fateStay},
		"the network is gone": {func(f *facts, _ *v1alpha1.WukongAddress) { f.network = nil; stop(f) },
			fateStay},
		"keepAddresses came": {
			func(f *facts, _ *v1alpha1.WukongAddress) { nic(f).KeepAddresses = ptr.To(true) }, fateMark},
		"keepAddresses went": {func(_ *facts, l *v1alpha1.WukongAddress) { l.Spec.Reserved = ptr.To(true) },
			fateMark},
		"machine gone, KubeVirt has it": {func(f *facts, _ *v1alpha1.WukongAddress) { f.vm = nil; stop(f) }, fateStay},
		"machine gone, its guest runs": {func(f *facts, _ *v1alpha1.WukongAddress) {
			f.vm, f.virtualMachine = nil, nil
		}, fateStay},
		"machine gone, another guest runs": {func(f *facts, _ *v1alpha1.WukongAddress) {
			f.vm.UID, f.virtualMachine = "uid-2",
				nil
			f.instance.Labels = nil
		}, fateFree},
		"machine and guest gone": {func(f *facts, _ *v1alpha1.WukongAddress) {
			f.vm, f.virtualMachine, f.instance = nil, nil, nil
		}, fateFree},
		"all gone, reserved": {func(f *facts, l *v1alpha1.WukongAddress) {
			*f = facts{network: f.network}
			l.Spec.Reserved = ptr.To(true)
		}, fateStay},
		"all gone and the network, reserved": {
			func(f *facts, l *v1alpha1.WukongAddress) { *f = facts{}; l.Spec.Reserved = ptr.To(true) }, fateFree},
		"DHCP now, stopped": {
			func(f *facts, _ *v1alpha1.WukongAddress) { nic(f).AddressMode = v1alpha1.AddressDHCP; stop(f) }, fateFree},
		"DHCP now, not looked at": {func(f *facts, _ *v1alpha1.WukongAddress) {
			nic(f).AddressMode = v1alpha1.AddressDHCP
			stop(f)
			f.vm.Generation++
		}, fateStay},
		"DHCP now, and the VirtualMachine could not be written": {func(f *facts, _ *v1alpha1.WukongAddress) {
			nic(f).AddressMode = v1alpha1.AddressDHCP
			stop(f)
			f.vm.Status.Conditions = []metav1.Condition{
				{Type: v1alpha1.ConditionSynchronized, Status: metav1.ConditionFalse},
			}
		}, fateStay},
		"DHCP now, the guest may use it": {
			func(f *facts, _ *v1alpha1.WukongAddress) { nic(f).AddressMode = v1alpha1.AddressDHCP }, fateStay},
		"DHCP now, the agent shows it": {func(f *facts, _ *v1alpha1.WukongAddress) {
			nic(f).AddressMode = v1alpha1.AddressDHCP
			agent(f, "10.0.0.5")
		}, fateStay},
		"DHCP now, the agent shows another": {func(f *facts, _ *v1alpha1.WukongAddress) {
			nic(f).AddressMode = v1alpha1.AddressDHCP
			agent(f, "10.0.0.9")
		}, fateFree},
		"DHCP now, the guest boots": {func(f *facts, _ *v1alpha1.WukongAddress) {
			nic(f).AddressMode = v1alpha1.AddressDHCP
			f.instance.Status = kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Scheduled}
		}, fateStay},
		"static, this one": {func(f *facts, _ *v1alpha1.WukongAddress) {
			nic(f).Addresses = []v1alpha1.InterfaceAddress{"10.0.0.5/24"}
			stop(f)
		}, fateStay},
		"static, another that it has": {func(f *facts, _ *v1alpha1.WukongAddress) {
			nic(f).Addresses = []v1alpha1.InterfaceAddress{"10.0.0.6"}
			stop(f)
			f.held = append(f.held, lock("49a95121cb09faaf-10-0-0-6", "10.0.0.6"))
		}, fateFree},
		"static, another that it has not": {func(f *facts, _ *v1alpha1.WukongAddress) {
			nic(f).Addresses = []v1alpha1.InterfaceAddress{"10.0.0.6"}
			stop(f)
		}, fateStay},
		"the interface left": {
			func(f *facts, _ *v1alpha1.WukongAddress) { noNIC(f); f.virtualMachine.Spec.Template = nil; stop(f) },
			fateFree},
		"the interface left, reserved": {func(f *facts, l *v1alpha1.WukongAddress) {
			noNIC(f)
			f.virtualMachine.Spec.Template = nil
			stop(f)
			l.Spec.Reserved = ptr.To(true)
		}, fateStay},
		"the interface left, not the template": {
			func(f *facts, _ *v1alpha1.WukongAddress) { noNIC(f); stop(f) }, fateStay,
		},
		"the interface left, not the guest": {
			func(f *facts, _ *v1alpha1.WukongAddress) { noNIC(f); f.virtualMachine.Spec.Template = nil }, fateStay},
		"the interface is on another network": {
			func(f *facts, _ *v1alpha1.WukongAddress) { nic(f).NetworkRef.Name = "other"; stop(f) }, fateFree},
		"the network is on another bridge": {
			func(f *facts, _ *v1alpha1.WukongAddress) { f.network.Spec.Bridge.Name = "br1"; stop(f) }, fateFree},
		"an older one counts": {
			func(f *facts, _ *v1alpha1.WukongAddress) { f.held = append(f.held, lock("old", "10.0.0.4")); stop(f) },
			fateFree},
		"the older one is in no subnet": {
			func(f *facts, _ *v1alpha1.WukongAddress) { f.held = append(f.held, lock("old", "10.9.0.4")); stop(f) },
			fateStay},
	} {
		t.Run(name, func(t *testing.T) {
			found, own := held(), lock("younger", "10.0.0.5")
			test.change(found, &own)
			found.held = append(found.held, own)
			assert.Equal(t, test.wanted, decide(&own, found))
		})
	}
}

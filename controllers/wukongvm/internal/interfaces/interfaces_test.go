package interfaces

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

func onBridge(name, attachment, mac string) Interface {
	result := Interface{
		Device: kubevirtv1.Interface{Name: name, MacAddress: mac},
		Network: kubevirtv1.Network{Name: name, NetworkSource: kubevirtv1.NetworkSource{
			Multus: &kubevirtv1.MultusNetwork{NetworkName: attachment},
		}},
	}
	result.Device.Bridge = &kubevirtv1.InterfaceBridge{}
	return result
}

func virtualFunction(name, attachment, mac string) Interface {
	result := onBridge(name, attachment, mac)
	result.Device.InterfaceBindingMethod = kubevirtv1.InterfaceBindingMethod{SRIOV: &kubevirtv1.InterfaceSRIOV{}}
	return result
}

func onPodNetwork(name, mac string) Interface {
	result := Interface{
		Device:  kubevirtv1.Interface{Name: name, MacAddress: mac},
		Network: kubevirtv1.Network{Name: name, NetworkSource: kubevirtv1.NetworkSource{Pod: &kubevirtv1.PodNetwork{}}},
	}
	result.Device.Masquerade = &kubevirtv1.InterfaceMasquerade{}
	return result
}

func with(item Interface, state kubevirtv1.InterfaceState) Interface {
	item.Device.State = state
	return item
}

// running is an instance that has interfaces, all of them in its guest.
func running(list ...Interface) *kubevirtv1.VirtualMachineInstance {
	instance := keeptest.Object(&kubevirtv1.VirtualMachineInstance{}, virt.KeepInstance)
	instance.Status.Phase = kubevirtv1.Running
	put(&instance.Spec, list)
	for _, item := range list {
		instance.Status.Interfaces = append(instance.Status.Interfaces,
			kubevirtv1.VirtualMachineInstanceNetworkInterface{
				Name: item.Device.Name, InfoSource: "domain, multus-status",
			})
	}
	return instance
}

func put(spec *kubevirtv1.VirtualMachineInstanceSpec, list []Interface) {
	spec.Domain.Devices.Interfaces, spec.Networks = nil, nil
	for _, item := range list {
		spec.Domain.Devices.Interfaces = append(spec.Domain.Devices.Interfaces, item.Device)
		spec.Networks = append(spec.Networks, item.Network)
	}
}

func TestPlan(t *testing.T) {
	pod, lan := onPodNetwork("pod", "02:00:00:00:00:01"), onBridge("lan", "ns/lan", "02:00:00:00:00:02")
	moved := onBridge("lan", "ns/other", "02:00:00:00:00:02")
	function := virtualFunction("fast", "ns/fast", "02:00:00:00:00:03")
	starting := running(pod)
	starting.Status.Phase = kubevirtv1.Scheduling
	absent := kubevirtv1.InterfaceStateAbsent
	defaulted := lan
	defaulted.Device.Model = "virtio"
	for _, test := range []struct {
		name                      string
		wanted, template, planned []Interface
		instance                  *kubevirtv1.VirtualMachineInstance
		states                    map[string]v1alpha1.VMNetworkState
	}{
		{"no guest: what is wanted", []Interface{pod, lan}, []Interface{pod}, []Interface{pod, lan}, nil,
			map[string]v1alpha1.VMNetworkState{}},
		{"nothing to do", []Interface{pod, lan}, []Interface{pod, lan}, []Interface{pod, lan}, running(pod, lan),
			map[string]v1alpha1.VMNetworkState{"pod": "Attached", "lan": "Attached"}},
		{"what KubeVirt adds stays its own", []Interface{pod}, []Interface{pod, lan},
			[]Interface{pod, with(lan, absent)}, running(pod, defaulted),
			map[string]v1alpha1.VMNetworkState{"pod": "Attached", "lan": "Detaching"}},
		{"plugged in", []Interface{lan, pod}, []Interface{pod}, []Interface{pod, lan}, running(pod),
			map[string]v1alpha1.VMNetworkState{"pod": "Attached", "lan": "Attaching"}},
		{"a virtual function is plugged in", []Interface{pod, function}, []Interface{pod}, []Interface{pod, function},
			running(pod),
			map[string]v1alpha1.VMNetworkState{"pod": "Attached", "fast": "Attaching"}},
		{"not while the machine starts", []Interface{pod, lan}, []Interface{pod}, []Interface{pod}, starting,
			map[string]v1alpha1.VMNetworkState{"pod": "Attached", "lan": "Waiting"}},
		{"the pod network comes at the next start", []Interface{pod, lan}, []Interface{lan}, []Interface{lan},
			running(lan),
			map[string]v1alpha1.VMNetworkState{"pod": "RestartNeeded", "lan": "Attached"}},
		{"plugged out", []Interface{pod}, []Interface{pod, lan}, []Interface{pod, with(lan, absent)}, running(pod, lan),
			map[string]v1alpha1.VMNetworkState{"pod": "Attached", "lan": "Detaching"}},
		{"the pod network goes at the next start", []Interface{lan}, []Interface{pod, lan}, []Interface{pod, lan},
			running(pod, lan),
			map[string]v1alpha1.VMNetworkState{"pod": "RestartNeeded", "lan": "Attached"}},
		{"a virtual function goes at the next start", []Interface{pod}, []Interface{pod, function},
			[]Interface{pod, function}, running(pod, function),
			map[string]v1alpha1.VMNetworkState{"pod": "Attached", "fast": "RestartNeeded"}},
		{"another network: first out", []Interface{pod, moved}, []Interface{pod, lan},
			[]Interface{pod, with(lan, absent)}, running(pod, lan),
			map[string]v1alpha1.VMNetworkState{"pod": "Attached", "lan": "Detaching"}},
		{"another network: then in", []Interface{pod, moved}, []Interface{pod}, []Interface{pod, moved}, running(pod),
			map[string]v1alpha1.VMNetworkState{"pod": "Attached", "lan": "Attaching"}},
		{"wanted again while it goes", []Interface{pod, lan}, []Interface{pod, with(lan, absent)},
			[]Interface{pod, with(lan, absent)},
			running(pod, with(lan, absent)), map[string]v1alpha1.VMNetworkState{"pod": "Attached", "lan": "Detaching"}},
		{"the cable is pulled out", []Interface{with(pod, kubevirtv1.InterfaceStateLinkDown)}, []Interface{pod},
			[]Interface{with(pod, kubevirtv1.InterfaceStateLinkDown)}, running(pod),
			map[string]v1alpha1.VMNetworkState{"pod": "Attached"}},
		{"not wanted any more before the instance has it", []Interface{pod}, []Interface{pod, lan},
			[]Interface{pod, with(lan, absent)}, running(pod),
			map[string]v1alpha1.VMNetworkState{"pod": "Attached", "lan": "Detaching"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := Make(test.wanted, test.template, test.instance)
			assert.Equal(t, test.planned, plan.Interfaces)
			assert.Equal(t, test.states, plan.States)
		})
	}
}

// cluster is what KubeVirt v1.7 does with interfaces, in the order of its VirtualMachine controller
// (pkg/network/controllers/vm.go), with the caches that the operator decides from.
type cluster struct {
	template []Interface
	instance *kubevirtv1.VirtualMachineInstance

	seenTemplate []Interface
	seenInstance *kubevirtv1.VirtualMachineInstance
	// version of the template, and the one that was seen.
	version, seenVersion int
}

// write is one pass of the operator. The API server refuses it when it was planned for another version.
func (c *cluster) write(wanted []Interface) {
	planned := Make(wanted, c.seenTemplate, c.seenInstance).Interfaces
	if !Equal(planned, c.seenTemplate) && c.version == c.seenVersion {
		c.template = planned
		c.version++
	}
}

// sync is one pass of KubeVirt. It tells whether KubeVirt asks for a restart (pkg/network/vmliveupdate/restart.go).
func (c *cluster) sync() bool {
	for _, wanted := range c.template {
		has := Find(Of(&c.instance.Spec), wanted.Device.Name)
		switch {
		case has == nil && wanted.Device.State != kubevirtv1.InterfaceStateAbsent && wanted.pluggable():
			put(&c.instance.Spec, append(Of(&c.instance.Spec), wanted))
		case has != nil && has.Device.State != kubevirtv1.InterfaceStateAbsent &&
			has.Device.State != wanted.Device.State:
			list := Of(&c.instance.Spec)
			Find(list, wanted.Device.Name).Device.State = wanted.Device.State
			put(&c.instance.Spec, list)
		}
	}
	put(&c.instance.Spec, slices.DeleteFunc(Of(&c.instance.Spec), func(item Interface) bool {
		return item.Device.State == kubevirtv1.InterfaceStateAbsent && !Plugged(c.instance, item.Device.Name)
	}))
	before := len(c.template)
	c.template = slices.DeleteFunc(slices.Clone(c.template), func(item Interface) bool {
		return item.Device.State == kubevirtv1.InterfaceStateAbsent &&
			Find(Of(&c.instance.Spec), item.Device.Name) == nil && !Plugged(c.instance, item.Device.Name)
	})
	if len(c.template) < before {
		c.version++
	}
	for _, has := range Of(&c.instance.Spec) {
		if wanted := Find(c.template, has.Device.Name); wanted == nil || !wanted.same(has) {
			return true
		}
	}
	return false
}

// migrate plugs in and out what the instance's spec says.
func (c *cluster) migrate() {
	c.instance.Status.Interfaces = nil
	for _, item := range Of(&c.instance.Spec) {
		if item.Device.State != kubevirtv1.InterfaceStateAbsent {
			c.instance.Status.Interfaces = append(c.instance.Status.Interfaces,
				kubevirtv1.VirtualMachineInstanceNetworkInterface{Name: item.Device.Name, InfoSource: "domain"})
		}
	}
}

// TestKubeVirtNeverAsksForARestart: whatever a person wants, in whatever order the operator, KubeVirt and a migration
// come, and however old the operator's caches are. In the end the guest has what can be had without a restart.
func TestKubeVirtNeverAsksForARestart(t *testing.T) {
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 1))
		first := []Interface{onPodNetwork("pod", "02:00:00:00:00:00"), onBridge("a", "ns/x", "02:00:00:00:00:01")}
		c := &cluster{
			template: first, instance: running(first...), seenTemplate: first, seenInstance: running(first...),
		}
		wanted := first
		for step := range 40 {
			switch random.IntN(5) {
			case 0:
				wanted = someInterfaces(random)
			case 1:
				c.write(wanted)
			case 2:
				require.False(t, c.sync(), "seed %d, step %d: wanted %+v", seed, step, wanted)
			case 3:
				c.migrate()
			case 4:
				c.look(random)
			}
		}
		for range 8 {
			c.seenTemplate, c.seenVersion, c.seenInstance = slices.Clone(c.template), c.version, c.instance.DeepCopy()
			c.write(wanted)
			require.False(t, c.sync(), "seed %d", seed)
			c.migrate()
		}
		states := Make(wanted, c.template, c.instance).States
		for _, item := range wanted {
			if item.unpluggable() && states[item.Device.Name] != v1alpha1.VMNetworkRestartNeeded {
				has := Find(Of(&c.instance.Spec), item.Device.Name)
				require.NotNil(t, has, "seed %d: %s is not there", seed, item.Device.Name)
				require.Equal(t, item, *has, "seed %d", seed)
				require.Equal(t, v1alpha1.VMNetworkAttached, states[item.Device.Name])
			}
		}
		for _, item := range Of(&c.instance.Spec) {
			require.True(t, !item.unpluggable() || Find(wanted, item.Device.Name) != nil,
				"seed %d: %s is still there", seed, item.Device.Name)
		}
	}
}

// look refreshes one of the operator's caches: each kind has its own.
func (c *cluster) look(random *rand.Rand) {
	if random.IntN(2) == 0 {
		c.seenTemplate, c.seenVersion = slices.Clone(c.template), c.version
	} else {
		c.seenInstance = c.instance.DeepCopy()
	}
}

func someInterfaces(random *rand.Rand) []Interface {
	list := []Interface{onPodNetwork("pod", "02:00:00:00:00:00")}
	if random.IntN(4) == 0 {
		list = nil
	}
	for i, name := range []string{"a", "b", "c"} {
		attachment, mac := fmt.Sprintf("ns/%c", "xy"[random.IntN(2)]), fmt.Sprintf("02:00:00:00:0%d:01", i)
		if random.IntN(5) == 0 {
			mac = "02:00:00:00:00:99"
		}
		switch random.IntN(4) {
		case 0, 1:
			item := onBridge(name, attachment, mac)
			if random.IntN(3) == 0 {
				item.Device.State = kubevirtv1.InterfaceStateLinkDown
			}
			list = append(list, item)
		case 2:
			list = append(list, virtualFunction(name, attachment, mac))
		}
	}
	return list
}

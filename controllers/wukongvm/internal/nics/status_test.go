package nics

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// What users read of each interface of a guest that runs.
func TestStatesOfInterfaces(t *testing.T) {
	onlyPod := func(in *Inputs) { in.VM.Spec.Networks = in.VM.Spec.Networks[:1] }
	onlyLAN := func(in *Inputs) { in.VM.Spec.Networks = in.VM.Spec.Networks[1:] }
	withMAC := func(in *Inputs) { in.VM.Spec.Networks[1].MACAddress = "02:00:00:00:00:01" }
	starting := func(in *Inputs) { in.Instance.Status.Phase = kubevirtv1.Scheduling }
	unseen := func(in *Inputs) { in.Instance.Status.Interfaces = nil }
	const restart = "an interface of this type cannot be added, removed or changed while the guest runs: 'virtctl " +
		"restart web', or powerState Stopped and back to Running"
	type states = map[string]string
	for name, row := range map[string]struct {
		before, after func(*Inputs)
		states        states
		restart       string
	}{
		"as they are":     {nil, nil, states{"pod": "Attached: ", "lan": "Attached: "}, ""},
		"not plugged yet": {nil, unseen, states{"pod": "Attaching: ", "lan": "Attaching: "}, ""},
		"one is removed":  {nil, onlyPod, states{"pod": "Attached: ", "lan": "Detaching: "}, ""},
		"one is changed": {nil, withMAC, states{
			"pod": "Attached: ", "lan": "Detaching: the interface is unplugged, and plugged in again with the new spec",
		}, ""},
		"the pod network is removed": {nil, onlyLAN, states{"pod": "RestartNeeded: " + restart, "lan": "Attached: "},
			"interfaces that cannot change while the guest runs: pod; see status.networks"},
		"the pod network is added": {onlyLAN, nil, states{"pod": "RestartNeeded: " + restart, "lan": "Attached: "},
			"interfaces that cannot change while the guest runs: pod; see status.networks"},
		"one is added": {onlyPod, nil, states{"pod": "Attached: ", "lan": "Attaching: "}, ""},
		"one is added while it starts": {onlyPod, starting, states{
			"pod": "Attached: ", "lan": "Waiting: the guest is starting; it gets this interface when it runs",
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := onLAN()
			listed := in.VM.Spec.Networks
			if row.before != nil {
				row.before(in)
			}
			run(in)
			in.VM.Spec.Networks = append([]v1alpha1.VMNetwork{}, listed...)
			if row.after != nil {
				row.after(in)
			}
			plan := Make(*in)
			found := states{}
			for _, status := range plan.Status() {
				found[status.Name] = string(status.State) + ": " + status.Message
			}
			assert.Equal(t, row.states, found)
			assert.Equal(t, row.restart, plan.RestartMessage())
		})
	}
	for _, status := range Make(*onLAN()).Status() {
		assert.Empty(t, status.State, "no guest runs")
		assert.Empty(t, status.Message)
	}
}

// An interface that the spec has no more is reported until the guest has it no more.
func TestAnInterfaceThatIsLeft(t *testing.T) {
	in := onLAN()
	run(in)
	had := Make(*in).Status()[1]
	in.Instance.Status.Interfaces[1].IPs, in.Instance.Status.Interfaces[1].InterfaceName = []string{"10.7.0.9"}, "eth1"
	in.Instance.Status.Interfaces[1].LinkState = "up"
	in.VM.Spec.Networks = in.VM.Spec.Networks[:1]
	left := Make(*in).Status()
	require.Len(t, left, 2)
	assert.Equal(t, v1alpha1.VMNetworkStatus{
		Name: "lan", Attachment: "shop/office", MACAddress: had.MACAddress, State: v1alpha1.VMNetworkDetaching,
		InterfaceName: "eth1", LinkState: "up", Addresses: []string{"10.7.0.9"},
		AddressSources: []v1alpha1.VMAddress{{Address: "10.7.0.9", Source: v1alpha1.VMAddressStatus}},
	}, left[1])
	in.Instance = nil
	assert.Len(t, Make(*in).Status(), 1, "the next guest does not have it")
}

// The plan is made from what was read, and reports what there is after the writes of the pass.
func TestAfterTheWrites(t *testing.T) {
	in := onLAN()
	plan := Make(*in)
	run(in)
	after := plan.After(virt.View{Machine: in.Machine, Instance: in.Instance})
	assert.Equal(t, v1alpha1.VMNetworkAttached, after.Status()[1].State)
	assert.Empty(t, plan.Status()[1].State, "the plan itself stays as it is")
}

func TestNodesWithTheBridges(t *testing.T) {
	in := onLAN()
	assert.Equal(t, []map[string]string{nil}, Make(*in).BridgeNodes(), "a bridge of somebody else")
	in.Networks["office"].Status.HostBridge = &v1alpha1.HostBridgeStatus{NodeSelector: map[string]string{"rack": "a"}}
	assert.Equal(t, []map[string]string{{"rack": "a"}}, Make(*in).BridgeNodes())
	in.Networks["office"] = nil
	assert.Empty(t, Make(*in).BridgeNodes())
}

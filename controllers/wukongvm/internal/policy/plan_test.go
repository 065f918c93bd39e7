package policy

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
)

var (
	deny  = &v1alpha1.TrafficPolicy{DefaultDeny: v1alpha1.TrafficIngress}
	pods  = v1alpha1.VMNetwork{Name: "pod", Pod: &v1alpha1.PodNetwork{}}
	onLAN = v1alpha1.VMNetwork{Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"}}
	lan   = &v1alpha1.WukongNetwork{Spec: v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge}}
	// closed is the pod network with limits of its own.
	closed = &v1alpha1.WukongNetwork{Spec: v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod, Policy: deny}}
)

// What a WukongVM with limits reports, and what is written for it.
func TestPlan(t *testing.T) {
	onClosed := v1alpha1.VMNetwork{Name: "closed", NetworkRef: &v1alpha1.LocalObjectReference{Name: "closed"}}
	networks := nics.Networks{"lan": lan, "closed": closed}
	for name, row := range map[string]struct {
		limits      *v1alpha1.TrafficPolicy
		list        []v1alpha1.VMNetwork
		networks    nics.Networks
		enforcement Enforcement
		runs        bool
		refused     error

		status   string // of the condition and its reason; empty without the condition
		message  string
		blocking bool
		written  bool
		keeps    bool
	}{
		"no limits": {list: []v1alpha1.VMNetwork{pods}},
		"enforced": {limits: deny, list: []v1alpha1.VMNetwork{pods}, enforcement: Enforced,
			status: "True Ready", written: true},
		"no network listed": {limits: deny, enforcement: Enforced, status: "True Ready", written: true},
		"limits of a network": {list: []v1alpha1.VMNetwork{onClosed}, networks: networks, enforcement: Enforced,
			status: "True Ready", written: true},
		"on one of two networks": {
			limits: deny, list: []v1alpha1.VMNetwork{pods, onLAN}, networks: networks, enforcement: Enforced,
			status: "True Ready", written: true,
			message: "the policy does not apply to interfaces that are not on the pod network: lan",
		},
		"nobody knows": {limits: deny, enforcement: Unknown, status: "Unknown EnforcementUnverified",
			message: "NetworkPolicy web-policy is written", written: true},
		"not enforced": {limits: deny, enforcement: None, status: "False EnforcementMissing", message: "would be open",
			blocking: true, written: true},
		"a running guest": {limits: deny, enforcement: None, runs: true, status: "False EnforcementMissing",
			written: true},
		"no pod network": {limits: deny, list: []v1alpha1.VMNetwork{onLAN}, networks: networks,
			status: "False PolicyUnsupported", message: "add an entry with pod: {}", blocking: true},
		"a network is missing": {
			limits: deny, list: []v1alpha1.VMNetwork{pods, onLAN}, enforcement: Enforced,
			status:  "False WaitingForNetwork",
			written: true, keeps: true,
		},
		"the only network is missing": {limits: deny, list: []v1alpha1.VMNetwork{onLAN}, enforcement: Enforced,
			status: "False WaitingForNetwork", keeps: true},
		"it could not be written": {limits: deny, enforcement: Enforced, refused: errors.New("exceeded quota"),
			status: "False Pending", written: true},
	} {
		t.Run(name, func(t *testing.T) {
			vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "vm-uid"}}
			vm.Spec.Policy, vm.Spec.Networks = row.limits, row.list
			plan := Make(Inputs{VM: vm, Networks: row.networks, Enforcement: row.enforcement, Runs: row.runs})
			assert.Equal(t, row.written, plan.Desired(nil) != nil)
			assert.Equal(t, row.keeps, plan.Keeps())
			assert.Equal(t, row.blocking, plan.Cause != nil && plan.Cause.Blocking,
				"a machine that runs is not stopped, one that does not is not started")

			set := conditions.For(vm, clocktesting.NewFakePassiveClock(time.Unix(0, 0)))
			plan.Report(set, row.refused)
			condition := set.Get(v1alpha1.ConditionPolicyReady)
			if row.status == "" {
				assert.Nil(t, condition)
				return
			}
			require.NotNil(t, condition)
			assert.Equal(t, row.status, string(condition.Status)+" "+condition.Reason)
			assert.Contains(t, condition.Message, row.message)
		})
	}
}

// The guest runs for a while after its WukongVM was deleted, and its limits apply until it has ended.
func TestAPolicyOutlivesItsWukongVM(t *testing.T) {
	vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: v1alpha1.WukongVMSpec{Policy: deny}}
	plan := Make(Inputs{VM: vm})
	assert.Empty(t, plan.Desired(nil).OwnerReferences)
	virtualMachine := &kubevirtv1.VirtualMachine{ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "machine-uid"}}
	assert.Equal(t, []metav1.OwnerReference{{APIVersion: "kubevirt.io/v1", Kind: "VirtualMachine", Name: "web",
		UID: "machine-uid"}}, plan.Desired(virtualMachine).OwnerReferences)
}

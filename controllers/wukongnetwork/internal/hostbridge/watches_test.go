package hostbridge

import (
	"testing"
	"time"

	"github.com/nmstate/kubernetes-nmstate/api/shared"
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

func accepts(changes predicate.Predicate, before, after client.Object) bool {
	return changes.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
}

// NMState reports each node every few seconds, and kubelet too: only what decides something starts a pass.
func TestWhichChangesMatter(t *testing.T) {
	node := func(ready corev1.ConditionStatus, labels map[string]string, heartbeat int64) *corev1.Node {
		result := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Labels: labels}}
		result.Status.Conditions = []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: ready, LastHeartbeatTime: metav1.NewTime(time.Unix(heartbeat, 0)),
		}}
		return keeptest.Object(result, KeepNode)
	}
	zone := map[string]string{"zone": "a"}
	assert.False(t, accepts(NodeChange(), node(corev1.ConditionTrue, zone, 1), node(corev1.ConditionTrue, zone, 2)))
	assert.True(t, accepts(NodeChange(), node(corev1.ConditionTrue, zone, 1), node(corev1.ConditionUnknown, zone, 1)))
	assert.True(t, accepts(NodeChange(), node(corev1.ConditionTrue, nil, 1), node(corev1.ConditionTrue, zone, 1)),
		"it may be selected now")

	enactment := func(
		generation int64, message string, heartbeat int64,
	) *nmstatev1beta1.NodeNetworkConfigurationEnactment {
		result := &nmstatev1beta1.NodeNetworkConfigurationEnactment{}
		result.Status.PolicyGeneration = generation
		result.Status.Conditions = shared.ConditionList{{
			Type: failing, Status: corev1.ConditionTrue, Message: message,
			LastHeartbeatTime: metav1.NewTime(time.Unix(heartbeat, 0)),
		}}
		return keeptest.Object(result, KeepEnactment)
	}
	assert.False(t, accepts(enactmentChange(), enactment(1, "no eth1", 1), enactment(1, "no eth1", 2)), "a heartbeat")
	assert.True(t, accepts(enactmentChange(), enactment(1, "no eth1", 1), enactment(2, "no eth1", 1)))
	assert.True(t, accepts(enactmentChange(), enactment(1, "no eth1", 1), enactment(1, "no eth2", 1)))
	assert.False(t, accepts(enactmentChange(), &corev1.Node{}, &corev1.Node{}), "what is no enactment")

	state := func(text string, seen int64) *nmstatev1beta1.NodeNetworkState {
		result := &nmstatev1beta1.NodeNetworkState{}
		result.Status.CurrentState.Raw = []byte(text)
		result.Status.LastSuccessfulUpdateTime = metav1.NewTime(time.Unix(seen, 0))
		return keeptest.Object(result, KeepState)
	}
	assert.False(t, accepts(stateChange(), state(plain, 1), state(plain, 2)))
	assert.True(t, accepts(stateChange(), state(plain, 1), state(addressed, 1)))

	policy := func(generation int64, uid string, managed bool) *nmstatev1.NodeNetworkConfigurationPolicy {
		result := &nmstatev1.NodeNetworkConfigurationPolicy{ObjectMeta: metav1.ObjectMeta{Generation: generation}}
		result.UID = "1"
		if uid != "" {
			result.UID = "2"
		}
		if managed {
			result.Labels = map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue}
		}
		return result
	}
	busy := policy(1, "", true)
	busy.Status.Conditions = shared.ConditionList{{Type: "Progressing"}}
	assert.False(t, accepts(policyChange(), policy(1, "", true), busy), "its enactments report that")
	assert.True(t, accepts(policyChange(), policy(1, "", true), policy(2, "", true)))
	assert.True(t, accepts(policyChange(), policy(1, "", true), policy(1, "another", true)))
	assert.True(t, accepts(policyChange(), policy(1, "", true), policy(1, "", false)), "it is not Wukong's any longer")
}

func TestWhatANetworkAsksOfItsBridge(t *testing.T) {
	before := network("lan", 0, managed())
	for name, row := range map[string]struct {
		change  func(*v1alpha1.WukongNetwork)
		matters bool
	}{
		"its status":  {func(network *v1alpha1.WukongNetwork) { network.Status.Phase = v1alpha1.NetworkReady }, false},
		"its subnets": {func(network *v1alpha1.WukongNetwork) { network.Spec.Subnets = []v1alpha1.Subnet{{}} }, false},
		"its bridge":  {func(network *v1alpha1.WukongNetwork) { network.Spec.Bridge.Name = "br2" }, true},
		"its ports":   {func(network *v1alpha1.WukongNetwork) { network.Spec.Bridge.Managed.Ports[0] = "eth2" }, true},
		"that it is being deleted": {func(network *v1alpha1.WukongNetwork) {
			network.DeletionTimestamp = &metav1.Time{Time: noon}
		}, true},
	} {
		after := before.DeepCopy()
		row.change(after)
		assert.Equal(t, row.matters, accepts(WishChange(), &before, after), name)
	}
}

func TestWhichBridgeAnObjectIsAbout(t *testing.T) {
	names := func(object client.Object) (found []string) {
		for _, request := range bridgeOfNetwork(t.Context(), object) {
			found = append(found, request.Name)
		}
		return found
	}
	lan := network("lan", 0, nil)
	assert.Equal(t, []string{"br1"}, names(&lan), "also of a network that does not manage it: it keeps the bridge")
	assert.Empty(t, names(&v1alpha1.WukongNetwork{Spec: v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod}}))

	policy := &nmstatev1.NodeNetworkConfigurationPolicy{}
	policy.Name = "wukong-br1"
	assert.Equal(t, []string{"br1"}, bridgeOfPolicy(policy), "also an unmanaged one, which has the name")
	policy.Name = "uplinks"
	assert.Empty(t, bridgeOfPolicy(policy))
	enactment := keeptest.Object(&nmstatev1beta1.NodeNetworkConfigurationEnactment{}, KeepEnactment)
	assert.Empty(t, bridgeOfEnactment(enactment))
	enactment.Labels = map[string]string{shared.EnactmentPolicyLabel: "wukong-br1"}
	assert.Equal(t, []string{"br1"}, bridgeOfEnactment(enactment))
}

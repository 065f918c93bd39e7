package wukongnetwork

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongnetwork/internal/hostbridge"
)

// nodeWith returns a node, as the cache holds it, with the resources of two device plugins.
func nodeWith(devices, released string, ready corev1.ConditionStatus) *corev1.Node {
	return keeptest.Object(&corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Labels: map[string]string{"rack": "one"}, Annotations: map[string]string{"csi": "much"},
		},
		Status: corev1.NodeStatus{
			Allocatable: corev1.ResourceList{
				"cpu": resource.MustParse("8"), "example.com/fast": resource.MustParse(devices),
				"example.com/old": resource.MustParse(released),
			},
			Conditions: []corev1.NodeCondition{
				{Type: corev1.NodeDiskPressure, Status: corev1.ConditionTrue}, {Type: corev1.NodeReady, Status: ready},
			},
		},
	}, keepDevices, hostbridge.KeepNode)
}

func TestWhatANodeOffers(t *testing.T) {
	node := nodeWith("4", "0", corev1.ConditionTrue)
	assert.Equal(t, map[string]bool{"example.com/fast": true}, devices(node))
	assert.True(t, offered([]corev1.Node{*node}, "example.com/fast"))
	assert.False(t, offered([]corev1.Node{*node}, "example.com/old"), "none is left of it")
}

func TestWhatOfANodeIsNews(t *testing.T) {
	before := nodeWith("4", "0", corev1.ConditionTrue)
	news := func(after *corev1.Node) bool {
		return nodeChange().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
	}
	assert.False(t, news(nodeWith("3", "0", corev1.ConditionTrue)), "one of the devices is in use")
	assert.True(t, news(nodeWith("0", "0", corev1.ConditionTrue)))
	assert.True(t, news(nodeWith("4", "0", corev1.ConditionFalse)))
	moved := nodeWith("4", "0", corev1.ConditionTrue)
	moved.Labels = map[string]string{"rack": "two"}
	assert.True(t, news(moved))
}

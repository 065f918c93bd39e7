package hostaccess

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// A network is withheld until its controller has reported that it may be used. No other condition changes that.
func TestWithheld(t *testing.T) {
	bridge := v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br0"}}
	pods, unrestricted := v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod}, bridge
	unrestricted.HostAccess = v1alpha1.HostAccessUnrestricted
	for name, row := range map[string]struct {
		spec       v1alpha1.WukongNetworkSpec
		reason     string
		observed   int64
		isWithheld bool
	}{
		"nobody has looked at it":                   {bridge, "", 0, true},
		"it may be used":                            {bridge, v1alpha1.ReasonReady, 2, false},
		"it may be used, and something else is bad": {bridge, v1alpha1.ReasonNodesFailed, 2, false},
		"it may not be used":                        {bridge, v1alpha1.ReasonHostAccessDenied, 2, true},
		"its spec is another by now":                {bridge, v1alpha1.ReasonReady, 1, true},
		"an error hides whether it may be used":     {bridge, v1alpha1.ReasonReconcileError, 2, true},
		"it uses nothing of the nodes":              {pods, "", 0, false},
		"an administrator made it":                  {unrestricted, "", 0, false},
	} {
		network := &v1alpha1.WukongNetwork{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Spec: row.spec}
		network.Status.ObservedGeneration = row.observed
		if row.reason != "" {
			network.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: row.reason}}
		}
		assert.Equal(t, row.isWithheld, Withheld(network), name)
	}
}

//go:build controlplane

package wukongnetwork_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
	"github.com/novasphere/wukong/controllers/internal/testkit/steprows"
	"github.com/novasphere/wukong/controllers/wukongnetwork"
)

func TestEachStepIsRefusedAndFails(t *testing.T) {
	f := alone(t)
	f.Create(builder.Wukong(f.Namespace, "shop"))
	begin := func(f *testkit.Fixture, name string) *v1alpha1.WukongNetwork {
		network := builder.PartOf("shop", builder.Network(f.Namespace, name, builder.OnBridge("br0")))
		f.Create(network)
		return network
	}
	heals := func(f *testkit.Fixture, network *v1alpha1.WukongNetwork) {
		testkit.WaitTrue(f, network, v1alpha1.ReasonReady)
		assert.Len(f, network.OwnerReferences, 1, "it is deleted with its Wukong")
		assert.Equal(f, f.Namespace+"/"+network.Name, network.Status.Attachment)
	}
	steprows.Run(t, f.Fixture, steprows.Table[*v1alpha1.WukongNetwork]{
		Steps: wukongnetwork.Steps,
		Wake:  func(f *testkit.Fixture, network *v1alpha1.WukongNetwork) { f.Patch(network, `{"spec":{"mtu":1400}}`) },
		Rows: map[string]steprows.Row[*v1alpha1.WukongNetwork]{
			"metadata": {
				Resource: "wukongnetworks", Begin: begin, Heals: heals,
				GoesOn: func(f *testkit.Fixture, network *v1alpha1.WukongNetwork) {
					f.Until(func() bool { return f.Has(networks{f}.attachment(network.Name)) }, "guests need the attachment")
				},
			},
			"attachment": {
				Resource: "network-attachment-definitions", Begin: begin, Heals: heals,
				GoesOn: func(f *testkit.Fixture, network *v1alpha1.WukongNetwork) {
					f.Until(func() bool { return len(testkit.Read(f, network.Name, network).OwnerReferences) == 1 })
					assert.Empty(f, network.Status.Attachment, "no VirtualMachine may name it")
				},
			},
		},
	})
}

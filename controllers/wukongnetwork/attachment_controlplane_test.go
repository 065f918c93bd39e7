//go:build controlplane

package wukongnetwork_test

import (
	"testing"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// networks is the fixture in which only the network controller runs, with helpers for its attachments.
type networks struct{ *testkit.Fixture }

func start(t *testing.T) (networks, *testkit.Manager) {
	t.Helper()
	f := alone(t)
	return f, f.StartManager()
}

// alone returns a fixture without a manager.
func alone(t *testing.T) networks {
	t.Helper()
	return networks{testkit.New(t).Running("wukongnetwork")}
}

func (f networks) in(t *testing.T) networks { return networks{f.In(t)} }

func (f networks) newNetwork(name string, options ...builder.NetworkOption) *v1alpha1.WukongNetwork {
	return builder.Network(f.Namespace, name, options...)
}

func (f networks) attachment(name string) *networkv1.NetworkAttachmentDefinition {
	return &networkv1.NetworkAttachmentDefinition{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: name}}
}

// readAttachment reads an attachment that must exist.
func (f networks) readAttachment(name string) *networkv1.NetworkAttachmentDefinition {
	f.Helper()
	return testkit.Read(f, name, &networkv1.NetworkAttachmentDefinition{})
}

func (f networks) waitReady(network *v1alpha1.WukongNetwork) *v1alpha1.WukongNetwork {
	f.Helper()
	return testkit.WaitTrue(f, network, v1alpha1.ReasonReady)
}

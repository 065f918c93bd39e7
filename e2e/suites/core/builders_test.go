//go:build e2e

package core

import (
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// importedTiny adds a disk with the tiny guest that is imported, for tests in which the import is the point.
func importedTiny(name string, options ...builder.DiskOption) builder.VMOption {
	options = append([]builder.DiskOption{builder.Size(harness.TinySize)}, options...)
	return builder.Imported(name, testbed.ImageURL(testbed.TinyImage), options...)
}

// officeNetwork is a network on the nodes' bridge, with one subnet.
func officeNetwork(namespace, name string) *v1alpha1.WukongNetwork {
	return builder.Network(namespace, name, builder.OnBridge(testbed.LANBridge), builder.Subnet("192.168.77.0/24"))
}

// onOffice adds an interface on the network "office", with addresses, or by DHCP without.
func onOffice(addresses ...v1alpha1.InterfaceAddress) builder.VMOption {
	return builder.Networks(builder.Interface("lan", "office", addresses...))
}

// patch merges a change into an object.
func patch(t *testing.T, object client.Object, change string) {
	t.Helper()
	require.NoError(t,
		cluster.Patch(t.Context(), object, client.RawPatch("application/merge-patch+json", []byte(change))))
}

//go:build controlplane

package wukongdisk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	eventsv1 "k8s.io/api/events/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// disks is the fixture in which the disk controller runs alone, and the test plays CDI, the storage and machines.
type disks struct{ *testkit.Fixture }

// start runs the disk controller in a new namespace.
func start(t *testing.T) (disks, *testkit.Manager) {
	t.Helper()
	f := disks{testkit.New(t).Running("wukongdisk")}
	return f, f.StartManager()
}

func (f disks) in(t *testing.T) disks { return disks{f.In(t)} }

func (f disks) elsewhere() disks {
	f.Helper()
	return disks{f.Elsewhere()}
}

// newDisk is a blank disk of 1Gi, and what the options say.
func (f disks) newDisk(name string, options ...builder.DiskOption) *v1alpha1.WukongDisk {
	return builder.Disk(f.Namespace, name, options...)
}

// newVM is a machine that uses disks.
func (f disks) newVM(name string, disks ...string) *v1alpha1.WukongVM {
	return builder.VM(f.Namespace, name, builder.Attached(disks...))
}

// waitEvents waits until the events of a disk are those, as "Type Reason".
func (f disks) waitEvents(disk *v1alpha1.WukongDisk, wanted ...string) {
	f.Helper()
	f.Eventually(func(now *testkit.Attempt) {
		list := &eventsv1.EventList{}
		require.NoError(now, f.Client.List(f.Context(), list, client.InNamespace(f.Namespace)))
		var seen []string
		for i := range list.Items {
			if list.Items[i].Regarding.UID == disk.UID {
				seen = append(seen, list.Items[i].Type+" "+list.Items[i].Reason)
			}
		}
		assert.ElementsMatch(now, wanted, seen)
	})
}

func (f disks) waitReady(disk *v1alpha1.WukongDisk) *v1alpha1.WukongDisk {
	f.Helper()
	return testkit.WaitTrue(f, disk, v1alpha1.ReasonReady)
}

func (f disks) waitDataVolume(disk *v1alpha1.WukongDisk) *cdiv1.DataVolume {
	f.Helper()
	return f.WaitDataVolume(disk.Name)
}

// fill brings a disk's DataVolume to its end.
func (f disks) fill(disk *v1alpha1.WukongDisk) {
	f.Helper()
	f.Bind(f.ClaimOf(f.waitDataVolume(disk)))
	f.SetDataVolume(disk.Name, cdiv1.Succeeded)
}

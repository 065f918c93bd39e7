//go:build controlplane

package wukong_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// applications is the fixture with the parts of applications.
type applications struct{ *testkit.Fixture }

// start runs controllers in a new namespace; all when none is named.
func start(t *testing.T, controllers ...string) (applications, *testkit.Manager) {
	t.Helper()
	f, manager := testkit.Start(t, controllers...)
	return applications{f}, manager
}

func (f applications) newWukong(name string) *v1alpha1.Wukong {
	return builder.Wukong(f.Namespace, name)
}

func (f applications) newDisk(name, wukong string) *v1alpha1.WukongDisk {
	return builder.PartOf(wukong, builder.Disk(f.Namespace, name))
}

func (f applications) newNetwork(name, wukong string) *v1alpha1.WukongNetwork {
	return builder.PartOf(wukong, builder.Network(f.Namespace, name))
}

// newVM returns a WukongVM with a disk and a network.
func (f applications) newVM(name, wukong, disk, network string) *v1alpha1.WukongVM {
	return builder.PartOf(wukong, builder.VM(f.Namespace, name, builder.Attached(disk), builder.On(network)))
}

// newExport returns a download of a disk.
func (f applications) newExport(name, wukong, disk string) *v1alpha1.WukongExport {
	return builder.PartOf(wukong, builder.Export(f.Namespace, name, disk))
}

// waitSummary waits until the Wukong has a summary.
func (f applications) waitSummary(wukong *v1alpha1.Wukong, summary string) *v1alpha1.Wukong {
	f.Helper()
	return testkit.WaitUntil(f, wukong, func(now *testkit.Attempt, current *v1alpha1.Wukong) {
		assert.Equal(now, summary, current.Status.Summary)
	})
}

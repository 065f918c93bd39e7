package usage

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/index"
)

// cacheOf is a cache with the index of WukongVMs by their disks; err is its answer to each list, nil for the usual one.
func cacheOf(t *testing.T, err error, vms ...*v1alpha1.WukongVM) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	byDisk := index.Of(&v1alpha1.WukongVM{}, index.VMByDisk)[0]
	made := fake.NewClientBuilder().WithScheme(scheme).WithIndex(byDisk.Of, byDisk.Field, byDisk.Keys).
		WithInterceptorFuncs(interceptor.Funcs{List: func(ctx context.Context, inner client.WithWatch,
			list client.ObjectList, options ...client.ListOption) error {
			if err != nil {
				return err
			}
			return inner.List(ctx, list, options...)
		}})
	for _, vm := range vms {
		made.WithObjects(vm)
	}
	return made.Build()
}

// vmIn is a WukongVM with disk data, in a phase, on a node if it has an instance.
func vmIn(name string, phase v1alpha1.Phase, node string, options ...builder.VMOption) *v1alpha1.WukongVM {
	vm := builder.VM("shop", name, append(options, builder.Attached("data"))...)
	vm.Status.Phase, vm.Status.NodeName = phase, node
	return vm
}

// A disk that a guest may write to is neither copied nor deleted: one WukongVM that is missed here costs its bytes.
func TestWhoMayWriteToADisk(t *testing.T) {
	running, stopped := vmIn("web", v1alpha1.PhaseRunning, "n1"), vmIn("web", v1alpha1.PhaseStopped, "", builder.Stopped)
	unlisted := builder.VM("shop", "old")
	unlisted.Status.Phase, unlisted.Status.NodeName = v1alpha1.PhaseRunning, "n1"
	unlisted.Status.Disks = []v1alpha1.VMDiskStatus{{Name: "data", DiskName: "data"}}
	elsewhere := vmIn("web", v1alpha1.PhaseRunning, "n1")
	elsewhere.Namespace = "lab"
	for name, row := range map[string]struct {
		vms             []*v1alpha1.WukongVM
		attachedTo      string
		writers, guests []string
	}{
		"nobody":                     {},
		"a guest":                    {[]*v1alpha1.WukongVM{running}, "web", []string{"web"}, []string{"web"}},
		"a WukongVM that is stopped": {[]*v1alpha1.WukongVM{stopped}, "web", nil, nil},
		"one that may start soon": {[]*v1alpha1.WukongVM{vmIn("web", v1alpha1.PhasePending, "")}, "",
			[]string{"web"}, nil},
		"one that is new": {[]*v1alpha1.WukongVM{vmIn("web", "", "")}, "", []string{"web"}, nil},
		"a guest whose spec no longer lists it": {[]*v1alpha1.WukongVM{unlisted}, "old", []string{"old"},
			[]string{"old"}},
		"a WukongVM that is deleted, whose guest is not": {nil, "web",
			[]string{"web (its guest has not released the disk yet)"},
			[]string{"web (its guest has not released the disk yet)"}},
		"one of another namespace": {[]*v1alpha1.WukongVM{elsewhere}, "", nil, nil},
		"several, in one order": {[]*v1alpha1.WukongVM{vmIn("c", v1alpha1.PhaseRunning, "n1"),
			vmIn("a", v1alpha1.PhaseRunning, "n2"), vmIn("b", v1alpha1.PhasePending, "")}, "",
			[]string{"a", "b", "c"}, []string{"a", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			disk := builder.Disk("shop", "data")
			disk.Status.AttachedTo = row.attachedTo
			cache := cacheOf(t, nil, row.vms...)
			writers, err := Writers(t.Context(), cache, disk)
			require.NoError(t, err)
			assert.Equal(t, row.writers, writers)
			guests, err := Guests(t.Context(), cache, disk)
			require.NoError(t, err)
			assert.Equal(t, row.guests, guests)
		})
	}
}

// The caller must not take an error for "nobody".
func TestUsageThatIsNotKnown(t *testing.T) {
	cache := cacheOf(t, errors.New("the cache is not synced"))
	for _, read := range []func(context.Context, client.Reader, *v1alpha1.WukongDisk) ([]string, error){Writers, Guests} {
		_, err := read(t.Context(), cache, builder.Disk("shop", "data"))
		assert.EqualError(t, err, "list the WukongVMs that use disk data: the cache is not synced")
	}
}

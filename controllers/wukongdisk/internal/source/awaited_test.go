package source

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
)

// A disk on a class that binds at first use is filled at once when another object needs its bytes: its guest may never
// start.
func TestAwaited(t *testing.T) {
	over := ptr.To(metav1.NewTime(time.Unix(1, 0)))
	export := func(disk string, completed *metav1.Time) *v1alpha1.WukongExport {
		export := builder.Export("shop", "out", disk)
		export.Status.CompletionTime = completed
		return export
	}
	snapshot := func(disk string, completed *metav1.Time) *v1alpha1.WukongSnapshot {
		snapshot := builder.Snapshot("shop", "monday", disk)
		snapshot.Status.CompletionTime = completed
		return snapshot
	}
	web := func(power v1alpha1.PowerState, annotations map[string]string) *v1alpha1.WukongVM {
		vm := builder.VM("shop", "web", builder.Power(power))
		vm.Annotations = annotations
		return vm
	}
	cloned := map[string]string{v1alpha1.AnnotationClonedBy: "copy"}
	ofWeb := func(disk *v1alpha1.WukongDisk) {
		disk.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongVM", Name: "web", Controller: ptr.To(true),
		}}
	}
	same := func(*v1alpha1.WukongDisk) {}
	toLab := func(disk *v1alpha1.WukongDisk) { disk.Spec.CloneableFrom = []string{"lab"} }
	foreign := builder.Disk("lab", "copy", builder.CloneOf("shop", "root"))
	type list = []client.Object
	for name, row := range map[string]struct {
		disk    func(*v1alpha1.WukongDisk)
		objects list
		awaited bool
	}{
		"nobody needs it":         {same, nil, false},
		"a clone":                 {same, list{builder.Disk("shop", "copy", builder.CloneOf("", "root"))}, true},
		"a clone of another disk": {same, list{builder.Disk("shop", "copy", builder.CloneOf("", "data"))}, false},
		"a clone of a claim":      {same, list{builder.Disk("shop", "copy", builder.CloneOfClaim("", "root"))}, false},
		"a clone that is deleted": {same, list{deleted(builder.Disk("shop", "copy", builder.CloneOf("", "root")))},
			false},
		"a clone that is not granted": {same, list{foreign}, false},
		"a clone that is granted":     {toLab, list{foreign}, true},
		"an export":                   {same, list{export("root", nil)}, true},
		"an export of another disk":   {same, list{export("data", nil)}, false},
		"an export that has ended":    {same, list{export("root", over)}, false},
		"a snapshot":                  {same, list{snapshot("root", nil)}, true},
		"a snapshot of another disk":  {same, list{snapshot("data", nil)}, false},
		"a snapshot that has ended":   {same, list{snapshot("root", over)}, false},
		"a WukongClone made it":       {func(disk *v1alpha1.WukongDisk) { disk.Annotations = cloned }, nil, true},
		"of a stopped clone":          {ofWeb, list{web(v1alpha1.PowerStopped, cloned)}, true},
		"of a clone that is to run":   {ofWeb, list{web(v1alpha1.PowerRunning, cloned)}, false},
		"of a WukongVM":               {ofWeb, list{web(v1alpha1.PowerStopped, nil)}, false},
		"of one that is gone":         {ofWeb, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := Inputs{View: backing.View{Disk: builder.Disk("shop", "root"), DataVolume: &cdiv1.DataVolume{}}}
			row.disk(in.Disk)
			reader := readerOf(t, true, row.objects...)
			for phase, waits := range map[cdiv1.DataVolumePhase]bool{
				cdiv1.WaitForFirstConsumer: true, cdiv1.PendingPopulation: true, cdiv1.CloneInProgress: false,
				cdiv1.Succeeded: false,
			} {
				in.DataVolume.Status.Phase = phase
				awaited, err := reader.Awaited(t.Context(), in)
				require.NoError(t, err)
				assert.Equal(t, row.awaited && waits, awaited, "phase %s", phase)
			}
			in.DataVolume = nil
			awaited, err := reader.Awaited(t.Context(), in)
			require.NoError(t, err)
			assert.False(t, awaited, "it is not made yet")
		})
	}
	mute := readerOf(t, true)
	mute.Storage.Cached = objects{}
	in := Inputs{View: backing.View{Disk: builder.Disk("shop", "root"), DataVolume: &cdiv1.DataVolume{}}}
	in.DataVolume.Status.Phase = cdiv1.WaitForFirstConsumer
	_, err := mute.Awaited(t.Context(), in)
	assert.ErrorContains(t, err, "list the clones of disk root")
}

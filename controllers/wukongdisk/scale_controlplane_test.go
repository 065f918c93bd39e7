//go:build controlplane

package wukongdisk_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// Two hundred disks at once cost what two hundred cost one by one, and nothing in the hour after.
func TestContract3TwoHundredDisksAtOnce(t *testing.T) {
	const (
		count = 200
		// The finalizer, the DataVolume, and a status each when it is pending, being filled and ready.
		writesPerDisk = 6
		longest       = 3 * time.Minute
	)
	clock := clocktesting.NewFakePassiveClock(time.Now())
	f := disks{testkit.New(t).Running("wukongdisk").ByClock(clock)}
	first := f.StartManager()
	f.Simulate()
	f.WaitIdle() // with what other tests left behind
	first.Writes.Reset()

	begin := time.Now()
	for i := range count {
		f.Create(f.newDisk(fmt.Sprintf("disk-%d", i)))
	}
	f.Within(longest).Until(func() bool {
		list := &v1alpha1.WukongDiskList{}
		require.NoError(t, f.Client.List(t.Context(), list, client.InNamespace(f.Namespace)))
		ready := 0
		for i := range list.Items {
			if meta.IsStatusConditionTrue(list.Items[i].Status.Conditions, v1alpha1.ConditionReady) {
				ready++
			}
		}
		return ready == count
	})
	t.Logf("%d disks were ready after %s, with %.2f writes each", count, time.Since(begin).Round(time.Second),
		float64(first.Writes.Total())/count)
	f.WaitIdle()
	assert.LessOrEqual(t, first.Writes.Total(), count*writesPerDisk, first.Writes)
	assert.Zero(t, first.Writes.Conflicts())
	for write := range first.Writes.Counts() {
		assert.NotEqual(t, "update", write.Verb, write)
	}

	t.Run("none in the hour after", func(t *testing.T) {
		first.Writes.Reset()
		clock.SetTime(clock.Now().Add(time.Hour))
		f.WaitIdle()
		assert.Zero(t, first.Writes.Total(), first.Writes)
		first.Stop()
		second := f.StartManager() // it looks at each disk anew, an hour later
		f.WaitPasses(count)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})
}

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
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// Two hundred disks at once cost what two hundred cost one by one, and nothing in the hour after.
func TestContract3TwoHundredDisksAtOnce(t *testing.T) {
	const (
		disks = 200
		// The finalizer, the DataVolume, and a status each when it is pending, being filled and ready.
		writesPerDisk = 5
		longest       = 3 * time.Minute
	)
	f := fixture{t, environment, environment.Namespace(t)}
	clock := clocktesting.NewFakePassiveClock(time.Now())
	options := testenv.ManagerOptions{Namespace: f.namespace, Controllers: []string{"wukongdisk"}, Clock: clock}
	first := f.StartManager(t, options)
	f.Simulate(t)
	testenv.WaitIdle(t, 0) // with what other tests left behind
	first.Writes.Reset()

	begin := time.Now()
	for i := range disks {
		f.create(f.newDisk(fmt.Sprintf("disk-%d", i)))
	}
	require.Eventually(t, func() bool {
		list := &v1alpha1.WukongDiskList{}
		require.NoError(t, f.Client.List(t.Context(), list, client.InNamespace(f.namespace)))
		ready := 0
		for i := range list.Items {
			if meta.IsStatusConditionTrue(list.Items[i].Status.Conditions, v1alpha1.ConditionReady) {
				ready++
			}
		}
		return ready == disks
	}, longest, 200*time.Millisecond)
	t.Logf("%d disks were ready after %s, with %.2f writes each", disks, time.Since(begin).Round(time.Second), float64(first.Writes.Total())/disks)
	testenv.WaitIdle(t, 0)
	assert.LessOrEqual(t, first.Writes.Total(), disks*writesPerDisk, first.Writes)
	assert.Zero(t, first.Writes.Conflicts())
	for write := range first.Writes.Counts() {
		assert.NotEqual(t, "update", write.Verb, write)
	}

	t.Run("none in the hour after", func(t *testing.T) {
		first.Writes.Reset()
		clock.SetTime(clock.Now().Add(time.Hour))
		testenv.WaitIdle(t, 0)
		assert.Zero(t, first.Writes.Total(), first.Writes)
		first.Stop()
		second := environment.StartManager(t, options) // it looks at each disk anew, an hour later
		testenv.WaitIdle(t, disks)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})
}

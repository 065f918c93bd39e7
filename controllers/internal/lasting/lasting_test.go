package lasting

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func newDisk() *v1alpha1.WukongDisk { return &v1alpha1.WukongDisk{} }

func TestWhichErrorsLast(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1000, 0))
	reporter := Telling(nil, nil, clock, newDisk).(*reporter[*v1alpha1.WukongDisk])
	name, other := types.NamespacedName{Name: "root"}, types.NamespacedName{Name: "data"}
	fault := errors.New("connection refused")
	after := func(step time.Duration, name types.NamespacedName, err error) bool {
		clock.SetTime(clock.Now().Add(step))
		return reporter.lasts(name, err)
	}
	assert.False(t, after(0, name, fault))
	assert.False(t, after(patience/2, name, fault))
	assert.False(t, after(patience, other, fault), "each object has its own")
	assert.True(t, after(0, name, fault))
	assert.False(t, after(0, name, nil))
	assert.False(t, after(patience, name, fault), "it was over meanwhile")
	assert.False(t, after(patience, name, context.Canceled), "the manager ends")
	assert.Len(t, reporter.since, 1, "nothing is kept of what is over")
}

func TestAPanicIsNotedAndGoesOn(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1000, 0))
	inner := reconcile.Func(func(context.Context, reconcile.Request) (reconcile.Result, error) { panic("nil map") })
	outer := Telling(inner, nil, clock, newDisk).(*reporter[*v1alpha1.WukongDisk])
	assert.PanicsWithValue(t, "nil map", func() { _, _ = outer.Reconcile(t.Context(), reconcile.Request{}) })
	assert.Len(t, outer.since, 1)
}

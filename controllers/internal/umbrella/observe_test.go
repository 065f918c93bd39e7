package umbrella

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/workqueue"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/conditions"
)

// cacheOf is a cache with the index of disks by their Wukong; err is its answer to each read, nil for the usual one.
func cacheOf(t *testing.T, err error, objects ...client.Object) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithIndex(&v1alpha1.WukongDisk{}, IndexName, Index).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, obj client.Object,
			options ...client.GetOption) error {
			if err != nil {
				return err
			}
			return inner.Get(ctx, key, obj, options...)
		},
	}).Build()
}

func wukong(namespace string) *v1alpha1.Wukong {
	made := builder.Wukong(namespace, "shop")
	made.UID = "new"
	return made
}

// A missing Wukong is reported, and is no error: the object works without it.
func TestWhatIsReportedOfAnUmbrella(t *testing.T) {
	former := builder.PartOf("shop", builder.Disk("default", "root"))
	former.OwnerReferences = []metav1.OwnerReference{referenceTo("shop", "old")}
	for name, row := range map[string]struct {
		disk    *v1alpha1.WukongDisk
		objects []client.Object
		reason  string
		message string
		linked  bool
	}{
		"it exists": {builder.PartOf("shop", builder.Disk("default", "root")), []client.Object{wukong("default")},
			v1alpha1.ReasonUmbrellaLinked, "", true},
		"it does not exist": {builder.PartOf("shop", builder.Disk("default", "root")), nil,
			v1alpha1.ReasonUmbrellaMissing,
			"Wukong shop does not exist; the object works without it, and is linked when it is created", false},
		"one of the name in another namespace": {builder.PartOf("shop", builder.Disk("default", "root")),
			[]client.Object{wukong("lab")}, v1alpha1.ReasonUmbrellaMissing,
			"Wukong shop does not exist; the object works without it, and is linked when it is created", false},
		"it was created again": {former, []client.Object{wukong("default")}, v1alpha1.ReasonUmbrellaMissing,
			"the object belongs to an earlier Wukong shop, which was deleted; the garbage collector deletes the object " +
				"with it", true},
	} {
		t.Run(name, func(t *testing.T) {
			link, err := Observe(t.Context(), cacheOf(t, nil, row.objects...), row.disk)
			require.NoError(t, err)
			assert.Equal(t, row.linked, link.OwnerReference() != nil)
			set := conditions.For(row.disk, clocktesting.NewFakePassiveClock(time.Unix(0, 0)))
			link.Report(set)
			found := set.Get(v1alpha1.ConditionUmbrellaLinked)
			require.NotNil(t, found)
			assert.Equal(t, row.reason, found.Reason)
			assert.Equal(t, row.message, found.Message)
		})
	}
	down := errors.New("the cache is not synced")
	_, err := Observe(t.Context(), cacheOf(t, down), builder.PartOf("shop", builder.Disk("default", "root")))
	require.EqualError(t, err, "get Wukong shop: the cache is not synced")
	link, err := Observe(t.Context(), cacheOf(t, down), builder.Disk("default", "root"))
	require.NoError(t, err, "an object without an umbrella reads none")
	assert.Nil(t, link.OwnerReference())
}

// The reference neither makes the Wukong a controller, nor delays its deletion.
func TestTheReferenceToAnUmbrella(t *testing.T) {
	link, err := Observe(t.Context(), cacheOf(t, nil, wukong("default")),
		builder.PartOf("shop", builder.Disk("default", "root")))
	require.NoError(t, err)
	reference := link.OwnerReference()
	assert.Nil(t, reference.Controller)
	assert.Nil(t, reference.BlockOwnerDeletion)
	assert.True(t, IsReference(*reference))
	reference.APIVersion = "example.com/v1"
	assert.False(t, IsReference(*reference), "a Wukong of another group is none")
}

// A Wukong that is created starts passes over its children, in its namespace, and over no others.
func TestWhichChildrenAreEnqueued(t *testing.T) {
	cache := cacheOf(t, nil, builder.PartOf("shop", builder.Disk("default", "root")),
		builder.PartOf("shop", builder.Disk("default", "data")), builder.PartOf("other", builder.Disk("default", "log")),
		builder.Disk("default", "apart"), builder.PartOf("shop", builder.Disk("lab", "root")))
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer queue.ShutDown()
	events := Handler(cache, func() client.ObjectList { return &v1alpha1.WukongDiskList{} })
	events.Create(t.Context(), event.CreateEvent{Object: wukong("default")}, queue)
	var names []string
	for range queue.Len() {
		request, _ := queue.Get()
		names = append(names, request.String())
	}
	assert.ElementsMatch(t, []string{"default/root", "default/data"}, names)
	events.Create(t.Context(), event.CreateEvent{Object: builder.Wukong("default", "none")}, queue)
	assert.Zero(t, queue.Len())
}

func TestAWukongThatIsCreatedAgain(t *testing.T) {
	before, after := wukong("default"), wukong("default")
	after.UID = "later"
	assert.True(t, Predicate().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}),
		"its deletion was not seen")
	assert.True(t, Predicate().Create(event.CreateEvent{Object: before}))
	assert.True(t, Predicate().Delete(event.DeleteEvent{Object: before}))
}

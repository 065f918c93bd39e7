package kind

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/workqueue"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/testkit/served"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// reconciler enqueues an object by the name of the one that changed.
type reconciler struct{ prefix string }

func (r *reconciler) Reconcile(context.Context, reconcile.Request) (reconcile.Result, error) {
	return reconcile.Result{}, errors.New(r.prefix)
}

func (r *reconciler) named(_ context.Context, obj client.Object) []reconcile.Request {
	request := reconcile.Request{}
	request.Namespace, request.Name = obj.GetNamespace(), r.prefix+obj.GetName()
	return []reconcile.Request{request}
}

func (r *reconciler) all(ctx context.Context) []reconcile.Request { return r.named(ctx, fullPod()) }

func (r *reconciler) events() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(r.named)
}

func (r *reconciler) sources() []source.Source { return nil }

func environment(t *testing.T) Env {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, apiextensionsv1.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(v1alpha1.GroupVersion.WithKind("WukongDisk"), meta.RESTScopeNamespace)
	api := fake.NewClientBuilder().WithScheme(scheme).WithRESTMapper(mapper).
		WithObjects(builder.Disk("shop", "one"), builder.Disk("lab", "two")).Build()
	return Env{Manager: served.Manager(t, api), Dependencies: served.Registry(t, api),
		Clock: clocktesting.NewFakePassiveClock(time.Unix(1000, 0))}
}

// disks is a kind that is declared with everything that a kind can have.
func disks() Kind {
	return Kind{
		Name: "wukongdisk-of-tests", Object: &v1alpha1.WukongDisk{}, List: &v1alpha1.WukongDiskList{}, Umbrella: Part,
		FieldManager: "wukong-test", When: watches.OwnChange(), ReportErrors: true,
		Reads: []Read{
			{Of: &corev1.Pod{}, Watches: []Watch{Map((*reconciler).named), On((*reconciler).events), Owned()}},
			{Of: &corev1.Secret{}, OnlyMetadata: true, Watches: []Watch{By(&handler.EnqueueRequestForObject{})}},
			{Of: &corev1.Service{}, API: &dependency.KubeVirts, Affected: Affects((*reconciler).all),
				Watches: []Watch{Map((*reconciler).named)}},
			{Of: &corev1.Node{}, Why: "it is only looked up"},
		},
		Start:   func(Env) (reconcile.Reconciler, error) { return &reconciler{prefix: "of-"}, nil },
		Sources: From((*reconciler).sources),
	}
}

// A declaration becomes a controller, and its applier writes as the field manager that is declared.
func TestAKindIsSetUp(t *testing.T) {
	declared, made := disks(), 0
	start := declared.Start
	declared.Start = func(env Env) (reconcile.Reconciler, error) {
		made++
		applier := env.Applier()
		assert.Equal(t, "wukong-test", applier.FieldManager)
		assert.NotNil(t, applier.Live, "an unmanaged object of a name is seen nowhere else")
		assert.NotNil(t, applier.Recorder)
		return start(env)
	}
	require.NoError(t, declared.Setup(environment(t)))
	assert.Equal(t, 1, made)

	declared.Start = func(Env) (reconcile.Reconciler, error) { return nil, errors.New("no image of the mover") }
	require.EqualError(t, declared.Setup(environment(t)), "no image of the mover")

	nothing := Kind{Name: "wukongnothing", Start: start}
	require.Error(t, nothing.Setup(environment(t)), "a controller that nothing starts")
}

// requests are what a watch of the kind enqueues for a new object.
func requests(t *testing.T, watch Watch, obj client.Object) (names []string) {
	t.Helper()
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer queue.ShutDown()
	made := build{kind: disks(), env: environment(t), reconciler: &reconciler{prefix: "of-"}}
	watch.handler(made).Create(t.Context(), event.CreateEvent{Object: obj}, queue)
	for range queue.Len() {
		request, _ := queue.Get()
		names = append(names, request.String())
	}
	return names
}

func TestWhatWatchesEnqueue(t *testing.T) {
	pod := fullPod()
	pod.Namespace = "shop"
	assert.Equal(t, []string{"shop/of-web"}, requests(t, Map((*reconciler).named), pod))
	assert.Equal(t, []string{"shop/of-web"}, requests(t, On((*reconciler).events), pod))
	assert.Equal(t, []string{"shop/web"}, requests(t, By(&handler.EnqueueRequestForObject{}), pod))

	owner := metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongDisk", Name: "data", UID: "1"}
	assert.Empty(t, requests(t, Owned(), pod), "of nobody")
	pod.OwnerReferences = []metav1.OwnerReference{owner}
	assert.Empty(t, requests(t, Owned(), pod), "an owner that is no controller")
	pod.OwnerReferences[0].Controller = ptr.To(true)
	assert.Equal(t, []string{"shop/data"}, requests(t, Owned(), pod))
	pod.OwnerReferences[0].Kind = "WukongVM"
	assert.Empty(t, requests(t, Owned(), pod), "of another kind")
}

// When an API appears, the objects that need it are reconciled: all of the kind, unless it names fewer.
func TestWhoIsAffectedByAnAPI(t *testing.T) {
	made := build{kind: disks(), env: environment(t), reconciler: &reconciler{}}
	var names []string
	for _, request := range made.everything(t.Context()) {
		names = append(names, request.String())
	}
	assert.ElementsMatch(t, []string{"shop/one", "lab/two"}, names)
	fewer := Affects((*reconciler).all)(&reconciler{prefix: "of-"})(t.Context())
	require.Len(t, fewer, 1)
	assert.Equal(t, "of-web", fewer[0].Name)
}

func TestWhoseErrorsAreReported(t *testing.T) {
	declared := disks()
	inner := &reconciler{prefix: "down"}
	guarded := build{kind: declared, env: environment(t), reconciler: inner}.guarded()
	assert.NotSame(t, inner, guarded)
	_, err := guarded.Reconcile(t.Context(), reconcile.Request{})
	require.EqualError(t, err, "down", "the report does not hide the error")
	declared.ReportErrors = false
	assert.Same(t, inner, build{kind: declared, env: environment(t), reconciler: inner}.guarded())
}

// recordedIndexes records the indexes that are registered.
type recordedIndexes struct{ registered []string }

func (f *recordedIndexes) IndexField(_ context.Context, _ client.Object, field string, _ client.IndexerFunc) error {
	f.registered = append(f.registered, field)
	if field == "fails" {
		return errors.New("the informer has started")
	}
	return nil
}

// The cache refuses a second index of one name; without the first, each list would fail.
func TestTheIndexesOfKinds(t *testing.T) {
	part, apart, operation := disks(), disks(), disks()
	apart.Umbrella, operation.Umbrella = Apart, Operation
	operation.Object = &v1alpha1.WukongExport{}
	part.Indexes = index.Of(&v1alpha1.WukongDisk{}, index.DiskByClaim, index.DiskByOwner)
	apart.Indexes = index.Of(&v1alpha1.WukongDisk{}, index.DiskByClaim)
	found := &recordedIndexes{}
	require.NoError(t, RegisterIndexes(t.Context(), found, []Kind{part, apart, operation}))
	assert.Equal(t, []string{umbrella.IndexName, index.DiskByClaim, index.DiskByOwner, umbrella.IndexName},
		found.registered)
	apart.Indexes = []index.Entry{{Of: &corev1.Pod{}, Field: "fails"}}
	assert.EqualError(t, RegisterIndexes(t.Context(), &recordedIndexes{}, []Kind{apart}),
		"index *v1.Pod by fails: the informer has started")
}

// An object of a declaration is shared by all passes: each pass needs its own.
func TestNewObjectsAreCopies(t *testing.T) {
	declared := disks()
	declared.NewObject().SetName("changed")
	declared.NewList().(*v1alpha1.WukongDiskList).Items = []v1alpha1.WukongDisk{{}}
	assert.Empty(t, declared.NewObject().GetName())
	assert.Empty(t, declared.NewList().(*v1alpha1.WukongDiskList).Items)
	assert.Equal(t, "WukongDisk", declared.Type())
}

// The cache is the same in whichever order kinds are listed.
func TestCacheOptionsDoNotDependOnTheOrder(t *testing.T) {
	reads := []Read{
		{Of: &corev1.Pod{}, Keep: Copy(keepPhase)}, {Of: &corev1.Pod{}, Keep: Copy(keepNode)},
		{Of: &corev1.Pod{}, Keep: Copy(keepZone), Everywhere: true},
	}
	wanted, err := optionsOf(reads)[0].Transform(fullPod())
	require.NoError(t, err)
	for range reads {
		reads = append(reads[1:], reads[0])
		option := optionsOf(reads)[0]
		assert.NotNil(t, option.Namespaces)
		kept, err := option.Transform(fullPod())
		require.NoError(t, err)
		assert.Equal(t, wanted, kept)
	}
	assert.Panics(t, func() { CacheOptions(clientgoscheme.Scheme, []Read{{Of: &v1alpha1.WukongDisk{}}}) },
		"a type that the scheme does not know")
	assert.Equal(t, reads, Reads([]Kind{{Reads: reads[:1]}, {}, {Reads: reads[1:]}}))
}

// What a reader keeps is added to what another has kept, and takes nothing away.
func TestAnnotationsOfSeveralReaders(t *testing.T) {
	kept := &corev1.Pod{}
	KeepAnnotations(fullPod(), kept, func(key string) bool { return key == "rack" })
	KeepAnnotations(fullPod(), kept, func(string) bool { return false })
	KeepAnnotations(&corev1.Pod{}, kept, func(string) bool { return true })
	KeepAnnotations(fullPod(), kept, func(key string) bool { return key == "zone" })
	assert.Equal(t, map[string]string{"rack": "1", "zone": "2"}, kept.Annotations)
}

package provisioner

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/index"
)

// cacheOf is a cache with the index of events; err is its answer to each read, nil for the usual one.
func cacheOf(err error, objects ...client.Object) client.Reader {
	failures := index.Of(&corev1.Event{}, index.FailureByClaim)[0]
	return fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(objects...).
		WithIndex(failures.Of, failures.Field, failures.Keys).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, obj client.Object,
			options ...client.GetOption) error {
			if err != nil {
				return err
			}
			return inner.Get(ctx, key, obj, options...)
		},
		List: func(ctx context.Context, inner client.WithWatch, list client.ObjectList,
			options ...client.ListOption) error {
			if err != nil {
				return err
			}
			return inner.List(ctx, list, options...)
		},
	}).Build()
}

func class(name string, annotations ...string) *storagev1.StorageClass {
	made := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{}}}
	for i := 0; i < len(annotations); i += 2 {
		made.Annotations[annotations[i]] = annotations[i+1]
	}
	return made
}

// A disk without a class gets the default one, of Kubernetes or of KubeVirt.
func TestWhetherAClassExists(t *testing.T) {
	named, unnamed := builder.Disk("shop", "data", builder.OnClass("fast")), builder.Disk("shop", "data")
	for name, row := range map[string]struct {
		disk    *v1alpha1.WukongDisk
		classes []client.Object
		exists  bool
	}{
		"it is there":              {named, []client.Object{class("slow"), class("fast")}, true},
		"another is there":         {named, []client.Object{class("slow", annotationDefaultClass, "true")}, false},
		"none is there":            {unnamed, nil, false},
		"none is the default":      {unnamed, []client.Object{class("fast"), class("slow")}, false},
		"a default of Kubernetes":  {unnamed, []client.Object{class("a"), class("b", annotationDefaultClass, "true")}, true},
		"a default of KubeVirt":    {unnamed, []client.Object{class("a", annotationDefaultVirtClass, "true")}, true},
		"it was the default":       {unnamed, []client.Object{class("a", annotationDefaultClass, "false")}, false},
		"in another spelling":      {unnamed, []client.Object{class("a", annotationDefaultClass, "True")}, false},
		"the claim exists already": {builder.Disk("shop", "data", builder.Adopting("legacy")), nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			exists, err := ClassExists(t.Context(), cacheOf(nil, row.classes...), row.disk)
			require.NoError(t, err)
			assert.Equal(t, row.exists, exists)
		})
	}
	down := errors.New("the cache is not synced")
	for _, disk := range []*v1alpha1.WukongDisk{named, unnamed} {
		_, err := ClassExists(t.Context(), cacheOf(down), disk)
		require.ErrorIs(t, err, down, "what is not known is not missing")
	}
}

const target = "0b7c0b1e-5f0e-4d0c-9a55-0123456789ab"

// claimNamed is a claim in a phase.
func claimNamed(name string, uid types.UID, phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
	claim := builder.Claim("shop", name, "1Gi")
	claim.UID, claim.Status.Phase = uid, phase
	return claim
}

// failure is an event about a claim, of some second.
func failure(second int, claim, uid, message string) *corev1.Event {
	return &corev1.Event{
		ObjectMeta:    metav1.ObjectMeta{Namespace: "shop", Name: claim + "." + uid + "." + message},
		LastTimestamp: metav1.NewTime(time.Unix(int64(second), 0)), Message: message,
		InvolvedObject: corev1.ObjectReference{Namespace: "shop", Name: claim, UID: types.UID(uid)},
	}
}

// The API server keeps an event for an hour: only one about a claim that still waits explains anything.
func TestWhatAProvisionerReports(t *testing.T) {
	const conflict = "the object has been modified; please apply your changes to the latest version and try again"
	own := claimNamed("data", target, corev1.ClaimPending)
	prime := func(phase corev1.PersistentVolumeClaimPhase) client.Object {
		return claimNamed("prime-"+target, "prime", phase)
	}
	for name, row := range map[string]struct {
		objects []client.Object
		says    string
	}{
		"nothing":     {nil, ""},
		"a full pool": {[]client.Object{failure(1, "data", target, "pool is full")}, "pool is full"},
		"the latest of two": {[]client.Object{failure(2, "data", target, "pool is full"),
			failure(1, "data", target, "no such pool")}, "pool is full"},
		"of a temporary claim": {
			[]client.Object{prime(corev1.ClaimPending), failure(1, "prime-"+target, "prime", "pool is full")},
			"pool is full"},
		"of a temporary claim that has a volume by now": {
			[]client.Object{prime(corev1.ClaimBound), failure(1, "prime-"+target, "prime", "pool is full")}, ""},
		"of a temporary claim that is deleted": {
			[]client.Object{failure(1, "prime-"+target, "prime", "pool is full")}, ""},
		"of a former temporary claim": {
			[]client.Object{prime(corev1.ClaimPending), failure(1, "prime-"+target, "former", "pool is full")}, ""},
		"of a former claim of the name": {[]client.Object{failure(1, "data", "former", "pool is full")}, ""},
		"of another claim":              {[]client.Object{failure(1, "logs", "logs", "pool is full")}, ""},
		"a conflict":                    {[]client.Object{failure(1, "data", target, "save: "+conflict)}, ""},
		"a conflict after a failure": {[]client.Object{failure(1, "data", target, "pool is full"),
			failure(2, "data", target, "save: "+conflict)}, "pool is full"},
	} {
		t.Run(name, func(t *testing.T) {
			says, err := ReadFailure(t.Context(), cacheOf(nil, append(row.objects, own)...), own)
			require.NoError(t, err)
			assert.Equal(t, row.says, says)
		})
	}
}

func TestAClaimThatNeedsNoExplanation(t *testing.T) {
	down := errors.New("the cache is not synced")
	for name, claim := range map[string]*corev1.PersistentVolumeClaim{
		"none": nil, "bound": claimNamed("data", target, corev1.ClaimBound),
		"lost": claimNamed("data", target, corev1.ClaimLost), "new": claimNamed("data", target, ""),
	} {
		says, err := ReadFailure(t.Context(), cacheOf(down), claim)
		require.NoError(t, err, name)
		assert.Empty(t, says, name)
	}
	_, err := ReadFailure(t.Context(), cacheOf(down), claimNamed("data", target, corev1.ClaimPending))
	assert.EqualError(t, err,
		"list what the provisioner reports about PersistentVolumeClaim data: the cache is not synced")
}

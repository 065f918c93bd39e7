package apply

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// service is a child as a controller desires it.
func service(port int32) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: port}}},
	}
}

// controlledBy is a controller reference to a WukongVM.
func controlledBy(name string, uid types.UID) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongVM", Name: name, UID: uid,
		Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(false)}
}

// A settled child costs no write, and one that anybody changed is repaired by one.
func TestAChildIsWrittenWhenItDiffers(t *testing.T) {
	api, owner := newServer(t), ownerVM("vm")
	for name, row := range map[string]struct {
		before func(*corev1.Service)
		port   int32
		writes int
	}{
		"the same again":         {nil, 80, 0},
		"another desired port":   {nil, 8080, 1},
		"someone took the label": {func(s *corev1.Service) { s.Labels = nil }, 80, 1},
		"someone added a label":  {func(s *corev1.Service) { s.Labels["team"] = "front" }, 80, 0},
		"someone renamed a port": {func(s *corev1.Service) { s.Spec.Ports[0].Name = "www" }, 80, 1},
		"someone changed the digest": {func(s *corev1.Service) {
			s.Annotations[v1alpha1.AnnotationAppliedHash] = "0"
		}, 80, 1},
	} {
		t.Run(name, func(t *testing.T) {
			api = newServer(t)
			_, err := Child(t.Context(), api.applier(), owner, service(80))
			require.NoError(t, err)
			if row.before != nil {
				changed := api.stored(t, service(80)).(*corev1.Service)
				row.before(changed)
				require.NoError(t, api.Update(t.Context(), changed))
			}
			api.writes = nil
			child, err := Child(t.Context(), api.applier(), owner, service(row.port))
			require.NoError(t, err)
			assert.Len(t, api.writes, row.writes)
			assert.Equal(t, row.port, child.Spec.Ports[0].Port)
			_, err = Child(t.Context(), api.applier(), owner, service(row.port))
			require.NoError(t, err)
			assert.Len(t, api.writes, row.writes, "it is settled now")
		})
	}
}

func TestWhatIsSentOfAChild(t *testing.T) {
	api := newServer(t)
	_, err := Child(t.Context(), api.applier(), ownerVM("vm"), service(80))
	require.NoError(t, err)
	sent := api.only(t)
	assert.Equal(t, types.ApplyPatchType, sent.kind)
	assert.Equal(t, "shop/web", sent.object)
	assert.Equal(t, "wukong-test", sent.options.FieldManager)
	assert.Equal(t, ptr.To(true), sent.options.Force, "a field that a user changed is taken back")
	assert.Equal(t, "v1", sent.body["apiVersion"])
	assert.Equal(t, "Service", sent.body["kind"])
	assert.NotContains(t, sent.body, "status")
	assert.NotContains(t, sent.metadata(), "resourceVersion", "what others change meanwhile is no conflict")
	assert.NotContains(t, sent.metadata(), "creationTimestamp")
	assert.Equal(t, map[string]any{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue}, sent.metadata()["labels"])
	assert.Equal(t, []any{map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": "WukongVM", "name": "web", "uid": "vm",
		"controller": true, "blockOwnerDeletion": false,
	}}, sent.metadata()["ownerReferences"])
}

// What a controller read, it may replace; what is newer, it must look at first.
func TestAChildOfAVersion(t *testing.T) {
	existing, owner := service(80), ownerVM("vm")
	existing.OwnerReferences, existing.Spec.Ports = []metav1.OwnerReference{controlledBy("web", "vm")}, nil
	api := newServer(t, existing)
	first := api.stored(t, existing).GetResourceVersion()
	_, err := Child(t.Context(), api.applier(), owner, service(81))
	require.NoError(t, err)
	second := api.stored(t, service(80)).GetResourceVersion()

	api.writes = nil
	stale := service(82)
	stale.ResourceVersion = first
	_, err = Child(t.Context(), api.applier(), owner, stale)
	assert.True(t, apierrors.IsConflict(err), "%v", err)
	assert.False(t, Permanent(err), "a retry reads it again")
	assert.Equal(t, first, api.only(t).metadata()["resourceVersion"])

	same := service(81)
	same.ResourceVersion = first
	_, err = Child(t.Context(), api.applier(), owner, same)
	require.NoError(t, err, "it has what is desired, whatever its version")
	assert.Len(t, api.writes, 1, "the version is no part of the digest")

	current := service(82)
	current.ResourceVersion = second
	child, err := Child(t.Context(), api.applier(), owner, current)
	require.NoError(t, err)
	assert.EqualValues(t, 82, child.Spec.Ports[0].Port)
}

// An object that has the name of a child is never written. It is the same whether the cache shows it, or only the API
// server.
func TestWhatHasTheNameOfAChild(t *testing.T) {
	const advice = ": it is not changed; rename or remove it, or choose another name"
	for name, row := range map[string]struct {
		change func(*corev1.Service)
		fails  string
		reason string
	}{
		"of nobody": {func(*corev1.Service) {},
			"Service web already exists and has no owner" + advice, v1alpha1.ReasonNameConflict},
		"of another WukongVM": {
			func(s *corev1.Service) { s.OwnerReferences = []metav1.OwnerReference{controlledBy("db", "db")} },
			"Service web already exists and belongs to WukongVM db" + advice, v1alpha1.ReasonNameConflict},
		"of a former WukongVM of the name": {
			func(s *corev1.Service) { s.OwnerReferences = []metav1.OwnerReference{controlledBy("web", "former")} },
			"Service web already exists and belongs to WukongVM web" + advice, v1alpha1.ReasonNameConflict},
		"of the owner, which does not control it": {func(s *corev1.Service) {
			reference := controlledBy("web", "vm")
			reference.Controller = nil
			s.OwnerReferences = []metav1.OwnerReference{reference}
		}, "Service web already exists and has no owner" + advice, v1alpha1.ReasonNameConflict},
		"retained for the owner": {func(s *corev1.Service) {
			s.Annotations = map[string]string{v1alpha1.AnnotationRetainedFor: "web/vm"}
		}, "Service web already exists and has no owner" + advice, v1alpha1.ReasonNameConflict},
		"left behind": {func(s *corev1.Service) {
			s.Labels = map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue}
		}, "Service web already exists, and was left behind when its owner was deleted" + advice,
			v1alpha1.ReasonNameConflict},
		"of another, and being deleted": {func(s *corev1.Service) {
			s.OwnerReferences = []metav1.OwnerReference{controlledBy("web", "former")}
			s.DeletionTimestamp, s.Finalizers = ptr.To(metav1.Now()), []string{"example.com/hold"}
		}, "Service web belongs to another object and is being deleted: this continues when it is deleted",
			v1alpha1.ReasonPending},
	} {
		t.Run(name, func(t *testing.T) {
			existing := service(22)
			row.change(existing)
			cached, uncached, live := newServer(t, existing), newServer(t), newServer(t, existing)
			for _, applier := range []*Applier{
				cached.applier(), {Client: uncached, Live: live, FieldManager: "wukong-test"},
			} {
				_, err := Child(t.Context(), applier, ownerVM("vm"), service(80))
				require.EqualError(t, err, row.fails)
				assert.True(t, Permanent(err))
				assert.Equal(t, row.reason, Reason(err))
			}
			assert.Empty(t, cached.writes)
			assert.Empty(t, uncached.writes)
		})
	}
}

// A child that is being deleted is neither written nor a conflict: the next pass creates it.
func TestAChildThatIsBeingDeleted(t *testing.T) {
	existing := service(22)
	existing.OwnerReferences = []metav1.OwnerReference{controlledBy("web", "vm")}
	existing.DeletionTimestamp, existing.Finalizers = ptr.To(metav1.Now()), []string{"example.com/hold"}
	api := newServer(t, existing)
	child, err := Child(t.Context(), api.applier(), ownerVM("vm"), service(80))
	require.NoError(t, err)
	assert.NotNil(t, child.DeletionTimestamp)
	assert.EqualValues(t, 22, child.Spec.Ports[0].Port)
	assert.Empty(t, api.writes)
}

// A cache without the child is behind, or shows managed objects only: the API server decides.
func TestAChildThatTheCacheDoesNotShow(t *testing.T) {
	existing := service(80)
	existing.OwnerReferences = []metav1.OwnerReference{controlledBy("web", "vm")}
	api, live := newServer(t), newServer(t, existing)
	_, err := Child(t.Context(), &Applier{Client: api, Live: live, FieldManager: "wukong-test"}, ownerVM("vm"),
		service(80))
	require.NoError(t, err)
	assert.Len(t, api.writes, 1, "it is applied, which is the same for one that exists")

	live.unreadable = errors.New("connection refused")
	_, err = Child(t.Context(), &Applier{Client: newServer(t), Live: live}, ownerVM("vm"), service(80))
	require.EqualError(t, err, "get Service web: connection refused")
	assert.False(t, Permanent(err))
}

// The message of a refusal is what a user reads; everything else is retried.
func TestAnswersToTheWriteOfAChild(t *testing.T) {
	services := corev1.Resource("services")
	for name, row := range map[string]struct {
		answer error
		fails  string
		reason string
	}{
		"a quota": {apierrors.NewForbidden(services, "web", errors.New("exceeded quota: small, requested: 1")),
			`Service web: services "web" is forbidden: exceeded quota: small, requested: 1`,
			v1alpha1.ReasonApplyRefused},
		"a webhook": {apierrors.NewBadRequest(`admission webhook "policy" denied the request: no`),
			`Service web: admission webhook "policy" denied the request: no`, v1alpha1.ReasonApplyRefused},
		"a resource that cannot be patched": {apierrors.NewMethodNotSupported(services, "patch"),
			`Service web: patch is not supported on resources of kind "services"`, v1alpha1.ReasonApplyRefused},
		"a conflict": {apierrors.NewConflict(services, "web", errors.New("the object has been modified")),
			`apply Service web: Operation cannot be fulfilled on services "web": the object has been modified`, ""},
		"an API server that is busy": {apierrors.NewTooManyRequestsError("try again later"),
			"apply Service web: Too many requests: try again later", ""},
		"a namespace that was deleted": {apierrors.NewNotFound(corev1.Resource("namespaces"), "shop"),
			`apply Service web: namespaces "shop" not found`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			api := newServer(t)
			api.refusal = row.answer
			child, err := Child(t.Context(), api.applier(), ownerVM("vm"), service(80))
			require.EqualError(t, err, row.fails)
			assert.Nil(t, child)
			assert.Equal(t, row.reason != "", Permanent(err))
			if row.reason != "" {
				assert.Equal(t, row.reason, Reason(err))
			}
		})
	}
	api := newServer(t)
	api.unreadable = errors.New("the cache is not synced")
	_, err := Child(t.Context(), api.applier(), ownerVM("vm"), service(80))
	require.EqualError(t, err, "get Service web: the cache is not synced")
	assert.Empty(t, api.writes, "what cannot be read is not overwritten")
}

// A reference across namespaces would make the garbage collector delete the child at once.
func TestAnOwnerOfAnotherNamespace(t *testing.T) {
	api := newServer(t)
	foreign := ownerVM("vm")
	foreign.Namespace = "lab"
	_, err := Child(t.Context(), api.applier(), foreign, service(80))
	require.ErrorContains(t, err, "set owner of Service web: cross-namespace owner references are disallowed")
	assert.Empty(t, api.writes)
}

// Objects that several namespaces share have no owner; the label decides whose they are.
func TestASharedObject(t *testing.T) {
	api := newServer(t)
	_, err := Shared(t.Context(), api.applier(), service(80))
	require.NoError(t, err)
	assert.NotContains(t, api.only(t).metadata(), "ownerReferences")
	_, err = Shared(t.Context(), api.applier(), service(80))
	require.NoError(t, err)
	assert.Len(t, api.writes, 1)

	owned := service(22)
	owned.OwnerReferences = []metav1.OwnerReference{controlledBy("db", "db")}
	for _, existing := range []*corev1.Service{service(22), owned} {
		api = newServer(t, existing)
		_, err = Shared(t.Context(), api.applier(), service(80))
		conflict := (*NameConflictError)(nil)
		require.ErrorAs(t, err, &conflict)
		assert.Empty(t, api.writes)
	}
}

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
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
)

// childDisk is disk shop/web-root with owner references and annotations.
func childDisk(annotations map[string]string, owners ...metav1.OwnerReference) *v1alpha1.WukongDisk {
	disk := builder.Disk("shop", "web-root")
	disk.Annotations, disk.OwnerReferences = annotations, owners
	return disk
}

func retainedFor(owner string) map[string]string {
	return map[string]string{v1alpha1.AnnotationRetainedFor: owner}
}

// A retained child has no owner reference, or the garbage collector would delete it with its owner.
func TestARetainedChild(t *testing.T) {
	api, owner := newServer(t), ownerVM("vm")
	_, err := Retained(t.Context(), api.applier(), owner, childDisk(nil))
	require.NoError(t, err)
	sent := api.only(t).metadata()
	assert.NotContains(t, sent, "ownerReferences")
	assert.Equal(t, "web/vm", sent["annotations"].(map[string]any)[v1alpha1.AnnotationRetainedFor])
	_, err = Retained(t.Context(), api.applier(), owner, childDisk(nil))
	require.NoError(t, err)
	assert.Len(t, api.writes, 1, "it is settled")
}

// What was retained for a deleted WukongVM is not taken over by a new one of the name.
func TestWhatIsRetainedForAnother(t *testing.T) {
	for name, existing := range map[string]*v1alpha1.WukongDisk{
		"a former one of the name":      childDisk(retainedFor("web/former")),
		"another one":                   childDisk(retainedFor("db/db")),
		"an annotation without a UID":   childDisk(retainedFor("web")),
		"an empty one":                  childDisk(retainedFor("")),
		"nobody":                        childDisk(nil),
		"it, but another controls it":   childDisk(retainedFor("web/vm"), controlledBy("db", "db")),
		"it, but a former one controls": childDisk(retainedFor("web/vm"), controlledBy("web", "former")),
	} {
		t.Run(name, func(t *testing.T) {
			api := newServer(t, existing)
			_, err := Retained(t.Context(), api.applier(), ownerVM("vm"), childDisk(nil))
			conflict := (*NameConflictError)(nil)
			require.ErrorAs(t, err, &conflict)
			assert.Contains(t, err.Error(), "to use it, refer to it by diskRef in place of the template")
			assert.Empty(t, api.writes)
		})
	}
}

func TestOwnerOf(t *testing.T) {
	plain := controlledBy("web", "vm")
	plain.Controller = nil
	disk := controlledBy("data", "disk")
	disk.Kind = "WukongDisk"
	for name, row := range map[string]struct {
		child *v1alpha1.WukongDisk
		owner string
	}{
		"of nobody":                       {childDisk(nil), ""},
		"controlled":                      {childDisk(nil, controlledBy("web", "vm")), "web"},
		"owned, but not controlled":       {childDisk(nil, plain), ""},
		"controlled by another kind":      {childDisk(nil, disk), ""},
		"retained":                        {childDisk(retainedFor("web/vm")), "web"},
		"retained, with a plain owner":    {childDisk(retainedFor("web/vm"), plain), "web"},
		"controlled, and once retained":   {childDisk(retainedFor("db/db"), controlledBy("web", "vm")), "web"},
		"of another kind, once retained":  {childDisk(retainedFor("web/vm"), disk), ""},
		"an annotation without a UID":     {childDisk(retainedFor("web")), ""},
		"an annotation that names nobody": {childDisk(retainedFor("/vm")), ""},
	} {
		var wanted []reconcile.Request
		if row.owner != "" {
			wanted = []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: "shop", Name: row.owner}}}
		}
		assert.Equal(t, wanted, OwnerOf("WukongVM")(t.Context(), row.child), name)
	}
}

// The reclaim policy of a child can change at any time, and with it how the child refers to its owner.
func TestOwnershipIsSettled(t *testing.T) {
	umbrella := umbrellaReference("shop-uid")
	note := map[string]string{"example.com/note": "of a user"}
	both := map[string]string{"example.com/note": "of a user", v1alpha1.AnnotationRetainedFor: "web/vm"}
	for name, row := range map[string]struct {
		child    *v1alpha1.WukongDisk
		retained bool
		add      map[string]string
		// owners and annotations after a write; both nil when there is none.
		owners      []metav1.OwnerReference
		annotations map[string]string
	}{
		"retained from now on": {child: childDisk(note, umbrella, controlledBy("web", "vm")), retained: true,
			owners: []metav1.OwnerReference{umbrella}, annotations: both},
		"no longer retained": {child: childDisk(both, umbrella),
			owners: []metav1.OwnerReference{umbrella, controlledBy("web", "vm")}, annotations: note},
		"with an annotation": {child: childDisk(nil, controlledBy("web", "vm")), retained: true, add: note,
			annotations: both},
		"no longer retained, with an annotation": {child: childDisk(retainedFor("web/vm")), add: note,
			owners: []metav1.OwnerReference{controlledBy("web", "vm")}, annotations: note},
		"settled, retained":   {child: childDisk(both, umbrella), retained: true, add: note},
		"settled, controlled": {child: childDisk(nil, controlledBy("web", "vm")), add: note},
		"of nobody":           {child: childDisk(note), retained: true},
		"of another":          {child: childDisk(nil, controlledBy("db", "db")), retained: true},
		"of a former one":     {child: childDisk(retainedFor("web/former"))},
	} {
		t.Run(name, func(t *testing.T) {
			api := newServer(t, row.child)
			child := api.stored(t, row.child)
			version := child.GetResourceVersion()
			require.NoError(t, api.applier().SettleOwnership(t.Context(), ownerVM("vm"), child, row.retained, row.add))
			if row.annotations == nil {
				assert.Empty(t, api.writes)
				return
			}
			sent := api.only(t)
			assert.Equal(t, types.MergePatchType, sent.kind)
			assert.Equal(t, version, sent.metadata()["resourceVersion"], "owners that others change are not lost")
			after := api.stored(t, row.child)
			assert.Equal(t, row.owners, after.GetOwnerReferences())
			assert.Equal(t, row.annotations, after.GetAnnotations())
			require.NoError(t, api.applier().SettleOwnership(t.Context(), ownerVM("vm"), after, row.retained, row.add))
			assert.Len(t, api.writes, 1, "it is settled")
		})
	}
}

func TestOwnershipThatCannotBeSettled(t *testing.T) {
	disks := v1alpha1.GroupVersion.WithResource("wukongdisks").GroupResource()
	for name, row := range map[string]struct {
		answer    error
		fails     string
		permanent bool
	}{
		"the child is deleted": {answer: apierrors.NewNotFound(disks, "web-root")},
		"someone was faster": {answer: apierrors.NewConflict(disks, "web-root", errors.New("modified")),
			fails: "apply WukongDisk web-root: "},
		"a policy refuses": {answer: apierrors.NewForbidden(disks, "web-root", errors.New("policy")),
			fails: "WukongDisk web-root: ", permanent: true},
	} {
		t.Run(name, func(t *testing.T) {
			child := childDisk(nil, controlledBy("web", "vm"))
			api := newServer(t, child)
			api.refusal = row.answer
			err := api.applier().SettleOwnership(t.Context(), ownerVM("vm"), api.stored(t, child), true, nil)
			if row.fails == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.fails)
			require.ErrorIs(t, err, row.answer)
			assert.Equal(t, row.permanent, Permanent(err))
		})
	}
}

// Another controller has taken the child meanwhile: there can be only one.
func TestAChildThatIsControlledMeanwhile(t *testing.T) {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web",
		Annotations: retainedFor("web/vm")}}
	other := controlledBy("db", "db")
	other.Controller = ptr.To(true)
	service.OwnerReferences = []metav1.OwnerReference{other}
	api := newServer(t, service)
	require.NoError(t, api.applier().SettleOwnership(t.Context(), ownerVM("vm"), service, false, nil))
	assert.Empty(t, api.writes, "it is the child of the other")
}

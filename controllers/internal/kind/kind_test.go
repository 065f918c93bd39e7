package kind

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/controllers/internal/dependency"
)

func selector(t *testing.T, text string) labels.Selector {
	t.Helper()
	if text == "" {
		return nil
	}
	parsed, err := labels.Parse(text)
	require.NoError(t, err)
	return parsed
}

// A cache that selects less than one of its readers needs hides objects from it.
func TestTheCacheSelectsWhatAnyReaderSelects(t *testing.T) {
	for name, test := range map[string]struct{ one, two, union string }{
		"nothing selected":       {"", "", ""},
		"one reads everything":   {"by=us", "", ""},
		"alike":                  {"by=us", "by=us", "by=us"},
		"alike, and complicated": {"!old,by=us", "!old,by=us", "by=us,!old"},
		"two values":             {"by=us", "by=them", "by in (them,us)"},
		"values overlap":         {"by=us", "by in (them,us)", "by in (them,us)"},
		"two labels":             {"by=us", "for=us", ""},
		"a label that exists":    {"by", "by=us", ""},
		"one value left out":     {"by!=us", "by=us", ""},
		"one asks for more":      {"by=us", "by=us,for=us", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, pair := range [][2]string{{test.one, test.two}, {test.two, test.one}} {
				reads := []Read{
					{Of: &corev1.Pod{}, Labels: selector(t, pair[0])},
					{Of: &corev1.Pod{}, Labels: selector(t, pair[1])},
				}
				option := optionsOf(reads)[0]
				if test.union == "" {
					assert.Nil(t, option.Label)
				} else {
					require.NotNil(t, option.Label)
					assert.Equal(t, test.union, option.Label.String())
				}
			}
		})
	}
	of := func(one, two fields.Selector) fields.Selector {
		return optionsOf([]Read{{Of: &corev1.Event{}, Fields: one}, {Of: &corev1.Event{}, Fields: two}})[0].Field
	}
	pods := fields.OneTermEqualSelector("involvedObject.kind", "Pod")
	claims := fields.OneTermEqualSelector("involvedObject.kind", "Claim")
	assert.Equal(t, "involvedObject.kind=Pod", of(pods, pods).String())
	assert.Nil(t, of(pods, claims))
	assert.Nil(t, of(nil, claims))
	assert.Nil(t, of(claims, nil))
}

// optionsOf are the cache options of some reads, with an empty one for none.
func optionsOf(reads []Read) []cache.ByObject {
	var all []cache.ByObject
	for _, option := range CacheOptions(clientgoscheme.Scheme, reads) {
		all = append(all, option)
	}
	if all == nil {
		all = []cache.ByObject{{}}
	}
	return all
}

func keepPhase(full, kept *corev1.Pod) { kept.Status.Phase = full.Status.Phase }

func keepNode(full, kept *corev1.Pod) {
	KeepAnnotations(full, kept, func(key string) bool { return key == "rack" })
	kept.Spec.NodeName = full.Spec.NodeName
}

func keepZone(full, kept *corev1.Pod) {
	KeepAnnotations(full, kept, func(key string) bool { return key == "zone" })
}

func fullPod() *corev1.Pod {
	return &corev1.Pod{
		TypeMeta: metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{
			Name: "web", Labels: map[string]string{"app": "web"},
			Annotations:   map[string]string{"rack": "1", "zone": "2", "more": "3"},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubelet"}},
		},
		Spec:   corev1.PodSpec{NodeName: "n1", Hostname: "web"},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1"},
	}
}

func TestTheCacheKeepsWhatAnyReaderKeeps(t *testing.T) {
	reads := []Read{{Of: &corev1.Pod{}, Keep: Copy(keepPhase)}, {Of: &corev1.Pod{}, Keep: Copy(keepNode, keepZone)}}
	transform := optionsOf(reads)[0].Transform
	for range 2 { // an informer transforms what is transformed already
		result, err := transform(fullPod())
		require.NoError(t, err)
		kept := result.(*corev1.Pod)
		assert.Equal(t, &corev1.Pod{
			TypeMeta: metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
			ObjectMeta: metav1.ObjectMeta{
				Name: "web", Labels: map[string]string{"app": "web"},
				Annotations: map[string]string{"rack": "1", "zone": "2"},
			},
			Spec:   corev1.PodSpec{NodeName: "n1"},
			Status: corev1.PodStatus{Phase: corev1.PodRunning},
		}, kept)
		again, err := transform(kept)
		require.NoError(t, err)
		assert.Equal(t, kept, again)
	}
	assert.Nil(t, optionsOf(append(reads, Read{Of: &corev1.Pod{}}))[0].Transform, "one reader reads everything")
	assert.NotNil(t, optionsOf(append(reads, Read{Of: &corev1.Pod{}, Live: true}))[0].Transform, "but not of the cache")
}

func TestWhatIsNoObjectOfTheTypeIsLeftAsItIs(t *testing.T) {
	transform := optionsOf([]Read{{Of: &corev1.Pod{}, Keep: Copy(keepPhase)}})[0].Transform
	forgotten := toolscache.DeletedFinalStateUnknown{Key: "ns/web", Obj: fullPod()}
	result, err := transform(forgotten)
	require.NoError(t, err)
	assert.Equal(t, forgotten, result)

	loose := &unstructured.Unstructured{Object: map[string]any{"kind": "Pod", "spec": map[string]any{"nodeName": "n1"}}}
	loose.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "kubelet"}})
	result, err = transform(loose)
	require.NoError(t, err)
	assert.Empty(t, result.(*unstructured.Unstructured).GetManagedFields())
	assert.Contains(t, result.(*unstructured.Unstructured).Object, "spec")
}

func TestATestSeesWhatItsOwnReaderKeeps(t *testing.T) {
	assert.Equal(t, corev1.PodRunning, Kept(fullPod(), keepPhase).Status.Phase)
	assert.Empty(t, Kept(fullPod(), keepPhase).Spec.NodeName)
	assert.Nil(t, Kept[corev1.Pod](nil, keepPhase))
}

func TestOptionalTypesWithOptionsAreKnownBeforeTheyAreServed(t *testing.T) {
	ofCluster, ofNamespace := dependency.NodeStates, dependency.KubeVirts
	reads := []Read{
		{Of: &corev1.Node{}, API: &ofCluster, Keep: Copy(func(_, _ *corev1.Node) {})},
		{Of: &corev1.Pod{}, API: &ofNamespace, Everywhere: true},
		{Of: &corev1.Secret{}, API: &ofNamespace},
		{Of: &corev1.Service{}, Labels: Managed()},
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	AddOptional(mapper, clientgoscheme.Scheme, reads)
	scopeOf := func(kind string) meta.RESTScope {
		found, err := mapper.RESTMapping(schema.GroupKind{Kind: kind}, "v1")
		if err != nil {
			return nil
		}
		return found.Scope
	}
	assert.Equal(t, meta.RESTScopeRoot, scopeOf("Node"))
	assert.Equal(t, meta.RESTScopeNamespace, scopeOf("Pod"))
	assert.Nil(t, scopeOf("Secret"), "the cluster does not serve it, and a read says so")
	assert.Nil(t, scopeOf("Service"))

	options := CacheOptions(clientgoscheme.Scheme, reads)
	everywhere := func(obj client.Object) bool {
		for of, option := range options {
			if kindOf(clientgoscheme.Scheme, of) == kindOf(clientgoscheme.Scheme, obj) {
				return option.Namespaces != nil
			}
		}
		return false
	}
	assert.True(t, everywhere(&corev1.Pod{}))
	assert.False(t, everywhere(&corev1.Service{}))
}

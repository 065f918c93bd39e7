package apply

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// desired is an object as a controller applies it.
func desired() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name: "web", Namespace: "shop", Labels: map[string]string{"app": "web"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: "owner", UID: "1",
				Controller: ptr.To(true)}},
		},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "web"},
			Ports:    []corev1.ServicePort{{Name: "http", Port: 80}, {Name: "https", Port: 443}},

			LoadBalancerSourceRanges: []string{"192.0.2.0/24", "198.51.100.0/24"},
		},
	}
}

// stored is the same object in the API server: with defaults, and with additions of others.
func stored(t *testing.T) *corev1.Service {
	t.Helper()
	fields, err := appliedFields(desired(), "v1", "Service")
	require.NoError(t, err)
	annotations := fields["metadata"].(map[string]any)["annotations"].(map[string]any)
	service := desired()
	service.Annotations = map[string]string{
		v1alpha1.AnnotationAppliedHash: annotations[v1alpha1.AnnotationAppliedHash].(string),
		"example.com/note":             "of someone else",
	}
	service.UID, service.ResourceVersion, service.Generation = "2", "17", 1
	service.CreationTimestamp = metav1.Now()
	service.Labels["team"] = "front"
	service.Finalizers = []string{"example.com/hold"}
	service.OwnerReferences = append([]metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: "other", UID: "9"}},
		service.OwnerReferences...)
	service.Spec.Type = corev1.ServiceTypeClusterIP
	service.Spec.ClusterIP = "10.96.0.7"
	for i := range service.Spec.Ports {
		service.Spec.Ports[i].Protocol = corev1.ProtocolTCP
	}
	service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
	return service
}

// Contract 3 depends on this: a settled object is recognized, and so is one that is not settled.
func TestCarries(t *testing.T) {
	tests := map[string]struct {
		change func(*corev1.Service)
		same   bool
	}{
		"with defaults and additions of others": {func(*corev1.Service) {}, true},
		"a value changed":                       {func(s *corev1.Service) { s.Spec.Ports[0].Port = 8080 }, false},
		"a value taken away":                    {func(s *corev1.Service) { s.Spec.Selector = nil }, false},
		"a map entry added by others":           {func(s *corev1.Service) { s.Spec.Selector["tier"] = "1" }, true},
		"a list item added": {func(s *corev1.Service) {
			s.Spec.LoadBalancerSourceRanges = append(s.Spec.LoadBalancerSourceRanges, "203.0.113.0/24")
		}, false},
		"a list item taken away": {func(s *corev1.Service) {
			s.Spec.LoadBalancerSourceRanges = s.Spec.LoadBalancerSourceRanges[:1]
		}, false},
		"list items in another order": {func(s *corev1.Service) { slices.Reverse(s.Spec.LoadBalancerSourceRanges) },
			false},
		"an item of a merged list added by others": {
			func(s *corev1.Service) { s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: 1}) }, true},
		"an item of a merged list taken away": {func(s *corev1.Service) { s.Spec.Ports = s.Spec.Ports[:1] }, false},
		"an item of a merged list in place of another": {
			func(s *corev1.Service) { s.Spec.Ports[1] = corev1.ServicePort{Port: 1} }, false},
		"items of a merged list in another order": {
			func(s *corev1.Service) { slices.Reverse(s.Spec.Ports) }, true},
		"our label taken off": {func(s *corev1.Service) { delete(s.Labels, "app") }, false},
		"our owner reference taken off": {func(s *corev1.Service) { s.OwnerReferences = s.OwnerReferences[:1] },
			false},
		"the digest of an older wish": {
			func(s *corev1.Service) { s.Annotations[v1alpha1.AnnotationAppliedHash] = "old" }, false},
		"another status": {func(s *corev1.Service) { s.Status = corev1.ServiceStatus{} }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			fields, err := appliedFields(desired(), "v1", "Service")
			require.NoError(t, err)
			live := stored(t)
			test.change(live)
			same, err := carries(live, fields)
			require.NoError(t, err)
			assert.Equal(t, test.same, same)
		})
	}
}

func TestAppliedFields(t *testing.T) {
	fields, err := appliedFields(desired(), "v1", "Service")
	require.NoError(t, err)
	assert.Equal(t, "v1", fields["apiVersion"])
	assert.Equal(t, "Service", fields["kind"])
	assert.NotContains(t, fields, "status", "status belongs to others")
	assert.NotContains(t, fields["metadata"], "creationTimestamp", "a null would be owned, and taken for a wish")

	again, err := appliedFields(desired(), "v1", "Service")
	require.NoError(t, err)
	assert.Equal(t, fields, again, "the digest is stable")

	other := desired()
	other.Spec.Ports[1].Port = 8443
	changed, err := appliedFields(other, "v1", "Service")
	require.NoError(t, err)
	digest := func(fields map[string]any) any {
		return fields["metadata"].(map[string]any)["annotations"].(map[string]any)[v1alpha1.AnnotationAppliedHash]
	}
	assert.NotEqual(t, digest(fields), digest(changed))
}

// A field that is no longer desired is not among the applied fields; the digest shows that something changed.
func TestFieldThatIsNoLongerWishedFor(t *testing.T) {
	fewer := desired()
	fewer.Spec.Selector = nil
	fields, err := appliedFields(fewer, "v1", "Service")
	require.NoError(t, err)
	same, err := carries(stored(t), fields)
	require.NoError(t, err)
	assert.False(t, same)
}

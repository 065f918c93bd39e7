package changes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// updates reports whether a predicate accepts an update of an object.
func updates(accepts predicate.Predicate, before, after client.Object) bool {
	return accepts.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
}

// A disk starts a pass when it changes what a WukongVM reads, and starts it at once when that may change the
// VirtualMachine.
func TestChangesOfADisk(t *testing.T) {
	ready := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, ObservedGeneration: 1}
	for name, row := range map[string]struct {
		change            func(*v1alpha1.WukongDisk)
		accepted, decides bool
	}{
		"nothing":      {func(*v1alpha1.WukongDisk) {}, false, false},
		"a label":      {func(d *v1alpha1.WukongDisk) { d.Labels = map[string]string{"a": "b"} }, false, false},
		"its spec":     {func(d *v1alpha1.WukongDisk) { d.Generation = 2 }, true, true},
		"its deletion": {func(d *v1alpha1.WukongDisk) { d.DeletionTimestamp = ptr.To(metav1.Now()) }, true, true},
		"its claim":    {func(d *v1alpha1.WukongDisk) { d.Status.ClaimName = "data" }, true, true},
		"its owner":    {func(d *v1alpha1.WukongDisk) { d.Status.AttachedTo = "web" }, true, true},
		"its move":     {func(d *v1alpha1.WukongDisk) { d.Status.Move = &v1alpha1.DiskMove{} }, true, true},
		"its phase":    {func(d *v1alpha1.WukongDisk) { d.Status.Phase = v1alpha1.DiskReady }, true, false},
		"its condition": {func(d *v1alpha1.WukongDisk) {
			d.Status.Conditions = []metav1.Condition{ready}
		}, true, false},
		"its capacity": {func(d *v1alpha1.WukongDisk) {
			d.Status.Capacity = ptr.To(resource.MustParse("1Gi"))
		}, true, false},
		"a pod that uses its claim": {func(d *v1alpha1.WukongDisk) {
			d.Annotations = map[string]string{v1alpha1.AnnotationClaimInUse: "pod"}
		}, true, false},
	} {
		before := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Generation: 1}}
		after := before.DeepCopy()
		row.change(after)
		assert.Equal(t, row.accepted, updates(Child(), before, after), name)
		assert.Equal(t, row.decides, Decides(before, after), name)
	}
	found := &v1alpha1.WukongDisk{}
	assert.True(t, Child().Create(event.CreateEvent{Object: found}), "a user made it")
	found.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongVM", Name: "web", Controller: ptr.To(true),
	}}
	assert.False(t, Child().Create(event.CreateEvent{Object: found}), "a WukongVM made it")
}

func TestChangesOfANetwork(t *testing.T) {
	before := &v1alpha1.WukongNetwork{}
	for name, row := range map[string]struct {
		change            func(*v1alpha1.WukongNetwork)
		accepted, decides bool
	}{
		"nothing":        {func(*v1alpha1.WukongNetwork) {}, false, false},
		"its attachment": {func(n *v1alpha1.WukongNetwork) { n.Status.Attachment = "shop/lan" }, true, false},
		"its bridge":     {func(n *v1alpha1.WukongNetwork) { n.Status.HostBridge = bridge("br0") }, true, false},
		"that it is ready": {func(n *v1alpha1.WukongNetwork) {
			n.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}}
		}, true, true},
	} {
		after := before.DeepCopy()
		row.change(after)
		assert.Equal(t, row.accepted, updates(Child(), before, after), name)
		assert.Equal(t, row.decides, Decides(before, after), name)
	}
}

func bridge(name string) *v1alpha1.HostBridgeStatus {
	return &v1alpha1.HostBridgeStatus{NodeSelector: map[string]string{"bridge": name}}
}

func TestChangesOfAService(t *testing.T) {
	before := &corev1.Service{}
	assert.False(t, Service().Create(event.CreateEvent{Object: before}))
	assert.False(t, updates(Service(), before, before.DeepCopy()))
	for name, change := range map[string]func(*corev1.Service){
		"its spec":      func(s *corev1.Service) { s.Spec.ClusterIP = "10.96.0.7" },
		"its status":    func(s *corev1.Service) { s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{}} },
		"its owner":     func(s *corev1.Service) { s.OwnerReferences = []metav1.OwnerReference{{}} },
		"a label":       func(s *corev1.Service) { s.Labels = map[string]string{"a": "b"} },
		"an annotation": func(s *corev1.Service) { s.Annotations = map[string]string{"a": "b"} },
	} {
		after := before.DeepCopy()
		change(after)
		assert.True(t, updates(Service(), before, after), name)
	}
}

func TestChangesOfEndpoints(t *testing.T) {
	slice := func(pods ...types.UID) *discoveryv1.EndpointSlice {
		labels := map[string]string{discoveryv1.LabelServiceName: "web"}
		result := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Labels: labels}}
		for _, pod := range pods {
			target := &corev1.ObjectReference{UID: pod}
			result.Endpoints = append(result.Endpoints, discoveryv1.Endpoint{TargetRef: target})
		}
		return result
	}
	assert.True(t, updates(Endpoints(), slice(), slice("one")))
	assert.False(t, updates(Endpoints(), slice("one"), slice("two")), "as many answer")
}

func TestChangesOfGates(t *testing.T) {
	kubevirt := func(gates ...string) *kubevirtv1.KubeVirt {
		developer := &kubevirtv1.DeveloperConfiguration{FeatureGates: gates}
		result := &kubevirtv1.KubeVirt{}
		result.Spec.Configuration.DeveloperConfiguration = developer
		result.Status.ObservedKubeVirtVersion = "v1.7.0"
		return keeptest.Object(result, virt.KeepGates)
	}
	assert.False(t, Gates().Create(event.CreateEvent{Object: kubevirt()}))
	assert.False(t, updates(Gates(), kubevirt("CPUManager"), kubevirt()))
	assert.True(t, updates(Gates(), kubevirt(), kubevirt(virt.GateDeclarative)))
	assert.True(t, updates(Gates(), kubevirt(virt.GateExpand), kubevirt()))
}

func TestOtherChanges(t *testing.T) {
	before := &corev1.Service{}
	after := before.DeepCopy()
	after.Generation = 2
	assert.True(t, updates(ByOthers(), before, after))
	assert.False(t, updates(OwnerReferences(), before, after))
	after.OwnerReferences = []metav1.OwnerReference{{}}
	assert.True(t, updates(OwnerReferences(), before, after))
	create, remove := event.CreateEvent{Object: after}, event.DeleteEvent{Object: after}
	assert.Equal(t, []bool{false, true}, []bool{ByOthers().Create(create), ByOthers().Delete(remove)})
	assert.Equal(t, []bool{true, false}, []bool{OnlyCreations().Create(create), OnlyCreations().Delete(remove)})
	assert.Equal(t, []bool{false, true}, []bool{OnlyDeletions().Create(create), OnlyDeletions().Delete(remove)})
	assert.False(t, updates(OnlyCreations(), before, after) || updates(OnlyDeletions(), before, after))
}

//go:build controlplane

package wukong_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

const (
	patience = 30 * time.Second
	interval = 20 * time.Millisecond
)

// fixture is a namespace of one test in a control plane.
type fixture struct {
	*testing.T
	*testenv.Environment
	namespace string
}

// start runs controllers in a new namespace.
func start(t *testing.T, controllers ...string) (fixture, *testenv.Manager) {
	t.Helper()
	f := fixture{t, environment, environment.Namespace(t)}
	return f, f.StartManager(t, testenv.ManagerOptions{Namespace: f.namespace, Controllers: controllers})
}

func (f fixture) create(objects ...client.Object) {
	f.Helper()
	for _, obj := range objects {
		require.NoError(f, f.Client.Create(f.Context(), obj))
	}
}

func (f fixture) remove(obj client.Object, options ...client.DeleteOption) {
	f.Helper()
	require.NoError(f, f.Client.Delete(f.Context(), obj, options...))
}

func (f fixture) patch(obj client.Object, body string) {
	f.Helper()
	require.NoError(f, f.Client.Patch(f.Context(), obj, client.RawPatch(types.MergePatchType, []byte(body))))
}

func (f fixture) exists(obj client.Object) bool {
	err := f.Client.Get(f.Context(), client.ObjectKeyFromObject(obj), obj)
	require.NoError(f, client.IgnoreNotFound(err))
	return !apierrors.IsNotFound(err)
}

func (f fixture) waitGone(objects ...client.Object) {
	f.Helper()
	for _, obj := range objects {
		f.WaitGone(f.T, obj, patience, interval)
	}
}

func (f fixture) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: f.namespace, Name: name}
}

func (f fixture) newWukong(name string) *v1alpha1.Wukong {
	return &v1alpha1.Wukong{ObjectMeta: f.meta(name)}
}

func (f fixture) newDisk(name, wukong string) *v1alpha1.WukongDisk {
	return &v1alpha1.WukongDisk{ObjectMeta: f.meta(name), Spec: v1alpha1.WukongDiskSpec{
		WukongRef: &v1alpha1.LocalObjectReference{Name: wukong}, Size: ptr.To(resource.MustParse("1Gi")),
	}}
}

func (f fixture) newNetwork(name, wukong string) *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{ObjectMeta: f.meta(name), Spec: v1alpha1.WukongNetworkSpec{
		WukongRef: &v1alpha1.LocalObjectReference{Name: wukong},
		Type:      v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br0"},
	}}
}

// newVM is a machine on a disk and a network.
func (f fixture) newVM(name, wukong, disk, network string) *v1alpha1.WukongVM {
	return &v1alpha1.WukongVM{ObjectMeta: f.meta(name), Spec: v1alpha1.WukongVMSpec{
		WukongRef: &v1alpha1.LocalObjectReference{Name: wukong},
		Memory:    v1alpha1.Memory{Guest: resource.MustParse("1Gi")},
		Disks:     []v1alpha1.VMDisk{{Name: "root", DiskRef: &v1alpha1.LocalObjectReference{Name: disk}}},
		Networks:  []v1alpha1.VMNetwork{{Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: network}}},
	}}
}

// newExport is a download of a disk.
func (f fixture) newExport(name, wukong, disk string) *v1alpha1.WukongExport {
	return &v1alpha1.WukongExport{ObjectMeta: f.meta(name), Spec: v1alpha1.WukongExportSpec{
		WukongRef: &v1alpha1.LocalObjectReference{Name: wukong},
		Source:    v1alpha1.ExportSource{DiskRef: &v1alpha1.LocalObjectReference{Name: disk}},
		Target:    v1alpha1.ExportTarget{Download: &v1alpha1.DownloadTarget{ExpiresAfterSeconds: 600}},
	}}
}

// wait waits until the Wukong's Ready condition has the status and reason, and the message contains words.
func (f fixture) wait(wukong *v1alpha1.Wukong, status metav1.ConditionStatus, reason, words string) *v1alpha1.Wukong {
	f.Helper()
	current := &v1alpha1.Wukong{}
	require.EventuallyWithT(f, func(collect *assert.CollectT) {
		require.NoError(collect, f.Client.Get(f.Context(), client.ObjectKeyFromObject(wukong), current))
		ready := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionReady)
		require.NotNil(collect, ready)
		assert.Equal(collect, string(status)+" "+reason, string(ready.Status)+" "+ready.Reason, ready.Message)
		assert.Contains(collect, ready.Message, words)
	}, patience, interval)
	return current
}

// waitSummary waits until the Wukong counts its children so.
func (f fixture) waitSummary(wukong *v1alpha1.Wukong, summary string) *v1alpha1.Wukong {
	f.Helper()
	current := &v1alpha1.Wukong{}
	require.EventuallyWithT(f, func(collect *assert.CollectT) {
		require.NoError(collect, f.Client.Get(f.Context(), client.ObjectKeyFromObject(wukong), current))
		assert.Equal(collect, summary, current.Status.Summary)
	}, patience, interval)
	return current
}

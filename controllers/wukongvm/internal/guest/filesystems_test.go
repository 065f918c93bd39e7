package guest

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

func TestFileSystemsAreNamedByTheDisksOfSpec(t *testing.T) {
	disks := map[string]string{"root": "root", "S1": "data"}
	type fileSystem = kubevirtv1.VirtualMachineInstanceFileSystem
	type disk = kubevirtv1.VirtualMachineInstanceFileSystemDisk
	result := fileSystems(&kubevirtv1.VirtualMachineInstanceFileSystemList{Items: []fileSystem{
		{
			DiskName: "vdb", MountPoint: "/srv", FileSystemType: "xfs", UsedBytes: 1, TotalBytes: 5 << 30,
			Disk: []disk{{Serial: "S1"}, {Serial: "S1"}, {Serial: "other"}, {Serial: "root"}},
		},
		{
			DiskName: "vda1", MountPoint: "/", FileSystemType: "ext4", TotalBytes: 3 << 30,
			Disk: []disk{{Serial: "root"}},
		},
		{DiskName: "vda1", MountPoint: "/", FileSystemType: "ext4", TotalBytes: 3 << 30},
		{DiskName: "vdc"},
	}}, disks)
	require.Len(t, result, 2)
	assert.Equal(t, "/", result[0].MountPoint)
	assert.Equal(t, []string{"root"}, result[0].Disks)
	assert.Equal(t, "3Gi", result[0].Capacity.String())
	assert.Equal(t, "/srv", result[1].MountPoint)
	assert.Equal(t, []string{"data", "root"}, result[1].Disks, "a volume group may lie on several")
}

func TestFileSystemsAreReadSoonAfterTheAgentConnectedAndSeldomLater(t *testing.T) {
	now := time.Now()
	vm := &v1alpha1.WukongVM{}
	assert.Equal(t, soon, again(vm, nil, now), "it has just connected")
	vm.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionGuestAgentConnected, Status: metav1.ConditionTrue,
		LastTransitionTime: metav1.NewTime(now.Add(-time.Hour)),
	}}
	assert.Equal(t, period, again(vm, nil, now), "a guest that reports none is not asked all the time")
	vm.Status.Conditions[0].LastTransitionTime = metav1.NewTime(now)
	assert.Equal(t, soon, again(vm, nil, now))
	assert.Equal(t, period, again(vm, []v1alpha1.GuestFileSystem{{MountPoint: "/"}}, now))
}

func TestFileSystemsAreAskedOfAnAgentOnly(t *testing.T) {
	instance := keeptest.Object(&kubevirtv1.VirtualMachineInstance{}, virt.KeepInstance)
	instance.Status.Phase = kubevirtv1.Running
	view := virt.View{Instance: instance}
	assert.Zero(t, RetryAfter(&v1alpha1.WukongVM{}, view, nil, time.Now()))
	instance.Status.Conditions = []kubevirtv1.VirtualMachineInstanceCondition{{
		Type: kubevirtv1.VirtualMachineInstanceAgentConnected, Status: corev1.ConditionTrue,
	}}
	assert.NotZero(t, RetryAfter(&v1alpha1.WukongVM{}, view, nil, time.Now()))
}

// What cannot be read stays as it was reported, and nothing is asked of a guest without an agent.
func TestRefresh(t *testing.T) {
	known := []v1alpha1.GuestFileSystem{{MountPoint: "/"}}
	vm := &v1alpha1.WukongVM{Status: v1alpha1.WukongVMStatus{Guest: &v1alpha1.GuestStatus{FileSystems: known}}}
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	reader, err := NewReader(&rest.Config{Host: server.URL}, server.Client())
	require.NoError(t, err)
	assert.Empty(t, reader.Refresh(t.Context(), vm, virt.View{}, nil))
	instance := keeptest.Object(&kubevirtv1.VirtualMachineInstance{}, virt.KeepInstance)
	instance.Status.Phase = kubevirtv1.Running
	instance.Status.Conditions = []kubevirtv1.VirtualMachineInstanceCondition{{
		Type: kubevirtv1.VirtualMachineInstanceAgentConnected, Status: corev1.ConditionTrue,
	}}
	assert.Equal(t, known, reader.Refresh(t.Context(), vm, virt.View{Instance: instance}, nil))
	vm.Status.Guest = nil
	assert.Empty(t, reader.Refresh(t.Context(), vm, virt.View{Instance: instance}, nil))
}

// KubeVirt's aggregated API is asked, and not the API server's own objects.
func TestAReaderAsksKubeVirt(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		asked = request.URL.Path
		_, _ = w.Write([]byte(`{"items":[{"mountPoint":"/","fileSystemType":"ext4","totalBytes":1073741824,` +
			`"disk":[{"serial":"root"}]}]}`))
	}))
	defer server.Close()
	reader, err := NewReader(&rest.Config{Host: server.URL}, server.Client())
	require.NoError(t, err)
	found, err := reader.FileSystems(t.Context(), "shop", "web", map[string]string{"root": "root"})
	require.NoError(t, err)
	assert.Equal(t, "/apis/subresources.kubevirt.io/v1/namespaces/shop/virtualmachineinstances/web/filesystemlist",
		asked)
	assert.Equal(t, []string{"root"}, found[0].Disks)

	server.Close()
	_, err = reader.FileSystems(t.Context(), "shop", "web", nil)
	assert.Error(t, err)
}

package builder

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestAMachineHasWhatItsOptionsSay(t *testing.T) {
	vm := VM("shop", "web", Memory("1Gi"), Stopped,
		Imported("root", "http://images.example/a.qcow2", Size("3Gi"), Retained), Attached("data"),
		On("lan", "10.0.0.5"), OnPodNetwork, Labelled("app", "web"), OnNode("node-1"),
		Login("alice", "alice", "password"))

	assert.Equal(t, "shop/web", vm.Namespace+"/"+vm.Name)
	assert.Equal(t, "1Gi", vm.Spec.Memory.Guest.String())
	assert.Equal(t, v1alpha1.PowerStopped, vm.Spec.PowerState)
	require.Len(t, vm.Spec.Disks, 2)
	root := vm.Spec.Disks[0].Template.Spec
	assert.Equal(t, "3Gi", root.Size.String())
	assert.Equal(t, "http://images.example/a.qcow2", root.Source.HTTP.URL)
	assert.Equal(t, v1alpha1.ReclaimRetain, root.ReclaimPolicy)
	assert.Equal(t, DiskReference("data", "data"), vm.Spec.Disks[1])
	assert.Equal(t, []v1alpha1.VMNetwork{Interface("lan", "lan", "10.0.0.5"), PodInterface("pod")}, vm.Spec.Networks)
	assert.Equal(t, map[string]string{"app": "web"}, vm.Spec.Scheduling.Labels)
	assert.Equal(t, map[string]string{"kubernetes.io/hostname": "node-1"}, vm.Spec.Scheduling.NodeSelector)
	assert.Equal(t, "alice", vm.Spec.CloudInit.Users[0].Name)
}

// Two objects of one option must not share what a test may change in one of them.
func TestTheTargetOfAnExportIsItsOwn(t *testing.T) {
	option := ToS3("https://s3.example/bucket/a", "", "credentials")
	one, two := Export("shop", "one", "data", option), Export("shop", "two", "data", option)
	one.Spec.Target.S3.URL = "https://s3.example/bucket/b"
	assert.Equal(t, "https://s3.example/bucket/a", two.Spec.Target.S3.URL)
	assert.Nil(t, two.Spec.Target.Download)
}

func TestRetainedIsAnOptionOfAllThatHasBytes(t *testing.T) {
	assert.Equal(t, v1alpha1.ReclaimRetain, Disk("shop", "data", Retained).Spec.ReclaimPolicy)
	image := Image("shop", "debian", ImageHTTP("http://images.example/a"), Retained)
	assert.Equal(t, v1alpha1.ReclaimRetain, image.Spec.ReclaimPolicy)
	assert.Equal(t, v1alpha1.ReclaimRetain, Snapshot("shop", "monday", "data", Retained).Spec.ReclaimPolicy)
}

func TestEveryOtherKindMayBePartOfAWukong(t *testing.T) {
	for _, part := range []v1alpha1.Object{
		VM("shop", "a"), Disk("shop", "a"), Network("shop", "a"),
		Image("shop", "a", ImageHTTP("http://images.example/a")),
		Export("shop", "a", "data"), Snapshot("shop", "a", "data"),
	} {
		assert.Equal(t, "shop", PartOf("shop", part).UmbrellaName(), "%T", part)
	}
	assert.Panics(t, func() { PartOf("shop", Wukong("shop", "shop")) })
}

package csi

import (
	"testing"

	"github.com/stretchr/testify/assert"
	appsv1 "k8s.io/api/apps/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon/manifesttest"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

func TestTheClassesCanWhatTestsRelyOn(t *testing.T) {
	for _, wanted := range testbed.StorageClasses() {
		class := &storagev1.StorageClass{}
		manifesttest.Find(t, classes, "StorageClass", "", wanted.Name, class)
		assert.Equal(t, testbed.Provisioner, class.Provisioner)
		assert.Equal(t, wanted.Default, class.Annotations["storageclass.kubernetes.io/is-default-class"] == "true",
			wanted.Name)
		assert.Equal(t, wanted.BindsAtFirstUse,
			ptr.Deref(class.VolumeBindingMode, "") == storagev1.VolumeBindingWaitForFirstConsumer, wanted.Name)
		assert.Equal(t, wanted.Grows, ptr.Deref(class.AllowVolumeExpansion, false), wanted.Name)
		assert.Equal(t, wanted.GrowsOnNode, class.Parameters["nodeExpansion"] == "true", wanted.Name)
	}
	objects, err := addon.ParseYAML(classes)
	assert.NoError(t, err)
	assert.Len(t, objects, len(testbed.StorageClasses())+2,
		"a CSIDriver, the classes that tests know, and the VolumeSnapshotClass")

	snapshots := &unstructured.Unstructured{}
	manifesttest.Find(t, classes, "VolumeSnapshotClass", "", testbed.SnapshotClass, &snapshots.Object)
	assert.Equal(t, testbed.Provisioner, snapshots.Object["driver"])
	manifesttest.Find(t, classes, "CSIDriver", "", testbed.Provisioner, &storagev1.CSIDriver{})
}

func TestTheDriverHasTheNameThatTestsRelyOn(t *testing.T) {
	name := "--name=" + testbed.Provisioner
	assert.Contains(t, manifesttest.Arguments(t, manifest, testbed.StorageNamespace, "csi-controller"), name)
	node := &appsv1.DaemonSet{}
	manifesttest.Find(t, manifest, "DaemonSet", testbed.StorageNamespace, "csi-node", node)
	assert.Contains(t, node.Spec.Template.Spec.Containers[0].Args, name)
	var folders []string
	for _, volume := range node.Spec.Template.Spec.Volumes {
		folders = append(folders, volume.HostPath.Path)
	}
	assert.Contains(t, folders, "/var/lib/kubelet/plugins/"+testbed.Provisioner,
		"where kubelet is told that the socket is")
	assert.Contains(t, folders, addon.PoolMount)
}

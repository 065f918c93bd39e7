package wukongdisk

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
)

func cloning(kind, namespace, name string) func(*v1alpha1.WukongDisk) {
	return func(disk *v1alpha1.WukongDisk) {
		disk.Spec.Source = &v1alpha1.WukongDiskSource{Clone: &v1alpha1.DiskCloneSource{Kind: kind, Namespace: namespace, Name: name}}
	}
}

func TestOriginUnusable(t *testing.T) {
	tests := map[string]struct {
		namespace string
		origin    origin
		reason    string // empty when the clone can begin
		message   string
	}{
		"there":                           {"", origin{exists: true}, "", ""},
		"there, in its own namespace":     {"shop", origin{exists: true}, "", ""},
		"missing":                         {"", origin{}, v1alpha1.ReasonSourceMissing, "WukongDisk shop/golden does not exist"},
		"being filled":                    {"", origin{exists: true, waits: "DataVolume golden is being filled"}, v1alpha1.ReasonSourceNotReady, "WukongDisk shop/golden: DataVolume golden is being filled"},
		"granted":                         {"images", origin{exists: true, grants: []string{"lab", "shop"}}, "", ""},
		"granted to all":                  {"images", origin{exists: true, grants: []string{"*"}}, "", ""},
		"granted to others":               {"images", origin{exists: true, grants: []string{"lab"}}, v1alpha1.ReasonCloneNotGranted, "spec.cloneableFrom"},
		"granted to nobody, being filled": {"images", origin{exists: true, waits: "secret progress"}, v1alpha1.ReasonCloneNotGranted, ""},
		"granted, being filled":           {"images", origin{exists: true, grants: []string{"shop"}, waits: "it is not bound"}, v1alpha1.ReasonSourceNotReady, ""},
		"granted, and going":              {"images", origin{grants: []string{"shop"}}, v1alpha1.ReasonCloneNotGranted, ""},
		"too large":                       {"", origin{exists: true, misfit: diskstate.Failed(v1alpha1.ReasonInvalidSpec, "set spec.size to 2Gi")}, v1alpha1.ReasonInvalidSpec, "2Gi"},
		"granted to others, too large": {
			"images", origin{exists: true, misfit: diskstate.Failed(v1alpha1.ReasonInvalidSpec, "2Gi")}, v1alpha1.ReasonCloneNotGranted, ""},
		"a cluster that cannot": {
			"images", origin{problem: diskstate.Failed(v1alpha1.ReasonDependencyMissing, "none")}, v1alpha1.ReasonDependencyMissing, "none"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found := originUnusable(diskWith(cloning("WukongDisk", test.namespace, "golden")), &observation{origin: &test.origin})
			if test.reason == "" {
				assert.Nil(t, found)
				return
			}
			require.NotNil(t, found)
			assert.Equal(t, test.reason, found.Reason)
			assert.Contains(t, found.Message, test.message)
		})
	}
	assert.Nil(t, originUnusable(diskWith(), &observation{}), "no clone")
}

// Who asks from another namespace shall not learn whether an object exists there.
func TestMissingAndForbiddenOriginsReadTheSame(t *testing.T) {
	disk := diskWith(cloning("PersistentVolumeClaim", "images", "golden"))
	missing := originUnusable(disk, &observation{origin: &origin{}})
	forbidden := originUnusable(disk, &observation{origin: &origin{exists: true, grants: []string{"lab"}, waits: "it is not bound"}})
	assert.Equal(t, missing, forbidden)
}

func TestAnnotatedGrants(t *testing.T) {
	annotated := func(value string) metav1.Object {
		return &metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.AnnotationCloneableFrom: value}}
	}
	assert.Empty(t, annotatedGrants(&metav1.ObjectMeta{}))
	assert.Empty(t, annotatedGrants(annotated(" , ")))
	assert.Equal(t, []string{"lab", "shop"}, annotatedGrants(annotated("lab, shop,")))
}

// The origin may have moved to another claim, or be gone, when the clone is long complete.
func TestACloneKeepsItsSource(t *testing.T) {
	disk := diskWith(cloning("WukongDisk", "", "golden"))
	first := desiredDataVolume(disk, &observation{origin: &origin{source: claimSource("shop", "golden")}})
	assert.Equal(t, &cdiv1.DataVolumeSourcePVC{Namespace: "shop", Name: "golden"}, first.Spec.Source.PVC)
	assert.Equal(t, first, desiredDataVolume(disk, &observation{dataVolume: first}))
}

// A snapshot restores to what its claim was, with the overhead of a file system. Who asks for the size of the disk shall get the disk.
func TestRestoredSize(t *testing.T) {
	const overhead = 0.055
	reference := model.Origin{Kind: model.KindSnapshot, Namespace: "shop", Name: "monday"}
	for name, test := range map[string]struct {
		size, restoreSize string
		sizeless          bool
		message           string
	}{
		"the disk's own size": {"128Mi", "138704Ki", true, ""},
		"a little less":       {"127Mi", "138704Ki", false, "spec.size is 127Mi, and VolumeSnapshot shop/monday restores to 138704Ki: set spec.size to 128Mi or more"},
		"far less":            {"1Gi", "11Gi", false, "set spec.size to 10644Mi or more"},
	} {
		t.Run(name, func(t *testing.T) {
			sizeless, found := restored(reference, resource.MustParse(test.size), resource.MustParse(test.restoreSize), overhead)
			assert.Equal(t, test.sizeless, sizeless)
			if test.sizeless {
				assert.Nil(t, found)
				disk := diskWith(cloning("WukongDisk", "", "golden"))
				volume := desiredDataVolume(disk, &observation{origin: &origin{sizeless: true}})
				assert.Empty(t, volume.Spec.Storage.Resources.Requests)
				assert.Equal(t, volume, desiredDataVolume(disk, &observation{dataVolume: volume}), "it stays so")
				return
			}
			require.NotNil(t, found)
			assert.Contains(t, found.Message, test.message)
			least, _, _ := strings.Cut(test.message[strings.LastIndex(test.message, "to ")+3:], " ")
			sizeless, _ = restored(reference, resource.MustParse(least), resource.MustParse(test.restoreSize), overhead)
			assert.True(t, sizeless, "what it says is enough")
		})
	}
}

// A snapshot of several disks says which one it is asked for, or which there are.
func TestHeldDisk(t *testing.T) {
	of := func(names ...string) *v1alpha1.WukongSnapshot {
		snapshot := &v1alpha1.WukongSnapshot{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "monday"}}
		for _, name := range names {
			snapshot.Status.Disks = append(snapshot.Status.Disks, v1alpha1.SnapshotDiskStatus{Name: name, VolumeSnapshotName: "monday-" + name})
		}
		return snapshot
	}
	held, found := heldDisk(of("data"), "")
	assert.Nil(t, found)
	assert.Equal(t, "monday-data", held.VolumeSnapshotName)
	held, found = heldDisk(of("root", "data"), "data")
	assert.Nil(t, found)
	assert.Equal(t, "monday-data", held.VolumeSnapshotName)
	_, found = heldDisk(of("root", "data"), "")
	assert.Contains(t, found.Message, "holds the disks root, data: create another WukongDisk that names one of them in source.snapshot.disk")
	_, found = heldDisk(of("root", "data"), "roof")
	assert.Contains(t, found.Message, "holds no disk roof (it holds: root, data)")
	assert.Equal(t, v1alpha1.ReasonInvalidSpec, found.Reason)
}

package source

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
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
)

// clone are the inputs of a clone of an object; an empty namespace is the clone's.
func clone(kind, namespace, name string, origin *Origin) Inputs {
	disk := builder.Disk("shop", "root")
	disk.Spec.Source = &v1alpha1.WukongDiskSource{
		Clone: &v1alpha1.DiskCloneSource{Kind: kind, Namespace: namespace, Name: name},
	}
	return Inputs{View: backing.View{Disk: disk}, Origin: origin}
}

func TestOriginUnusable(t *testing.T) {
	tests := map[string]struct {
		namespace string
		origin    Origin
		reason    string // empty when the clone can begin
		message   string
	}{
		"there":                       {"", Origin{exists: true}, "", ""},
		"there, in its own namespace": {"shop", Origin{exists: true}, "", ""},
		"missing": {"", Origin{}, v1alpha1.ReasonSourceMissing,
			"WukongDisk shop/golden does not exist"},
		"being filled": {"", Origin{exists: true, waits: "DataVolume golden is being filled"},
			v1alpha1.ReasonSourceNotReady, "WukongDisk shop/golden: DataVolume golden is being filled"},
		"granted":        {"images", Origin{exists: true, grants: []string{"lab", "shop"}}, "", ""},
		"granted to all": {"images", Origin{exists: true, grants: []string{"*"}}, "", ""},
		"granted to others": {"images", Origin{exists: true, grants: []string{"lab"}},
			v1alpha1.ReasonCloneNotGranted, "spec.cloneableFrom"},
		"granted to nobody, being filled": {"images", Origin{exists: true, waits: "secret progress"},
			v1alpha1.ReasonCloneNotGranted, ""},
		"granted, being filled": {"images", Origin{exists: true, grants: []string{"shop"}, waits: "it is not bound"},
			v1alpha1.ReasonSourceNotReady, ""},
		"granted, and being deleted": {"images", Origin{grants: []string{"shop"}}, v1alpha1.ReasonCloneNotGranted, ""},
		"too large": {"", Origin{
			exists: true, misfit: diskstate.Failed(v1alpha1.ReasonInvalidSpec, "set spec.size to 2Gi"),
		},
			v1alpha1.ReasonInvalidSpec, "2Gi"},
		"granted to others, too large": {"images",
			Origin{exists: true, misfit: diskstate.Failed(v1alpha1.ReasonInvalidSpec, "2Gi")},
			v1alpha1.ReasonCloneNotGranted, ""},
		"a cluster that cannot": {"images", Origin{problem: diskstate.Failed(v1alpha1.ReasonDependencyMissing, "none")},
			v1alpha1.ReasonDependencyMissing, "none"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found := clone("WukongDisk", test.namespace, "golden", &test.origin).Problem()
			if test.reason == "" {
				assert.Nil(t, found)
				return
			}
			require.NotNil(t, found)
			assert.Equal(t, test.reason, found.Reason)
			assert.Contains(t, found.Message, test.message)
		})
	}
	assert.Nil(t, Inputs{View: backing.View{Disk: builder.Disk("shop", "root")}}.Problem(), "no clone")
}

// A user of another namespace must not learn whether an object exists there.
func TestMissingAndForbiddenOriginsReadTheSame(t *testing.T) {
	problem := func(origin Origin) *diskstate.Problem {
		return clone("PersistentVolumeClaim", "images", "golden", &origin).Problem()
	}
	forbidden := Origin{exists: true, grants: []string{"lab"}, waits: "it is not bound"}
	require.NotNil(t, problem(Origin{}))
	assert.Equal(t, problem(Origin{}), problem(forbidden))
}

func TestAnnotatedGrants(t *testing.T) {
	annotated := func(value string) metav1.Object {
		return &metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.AnnotationCloneableFrom: value}}
	}
	assert.Empty(t, annotatedGrants(&metav1.ObjectMeta{}))
	assert.Empty(t, annotatedGrants(annotated(" , ")))
	assert.Equal(t, []string{"lab", "shop"}, annotatedGrants(annotated("lab, shop,")))
}

// The origin may have moved to another claim, or may be deleted, long after the clone is complete.
func TestACloneKeepsItsSource(t *testing.T) {
	in := clone("WukongDisk", "", "golden", &Origin{source: claimSource("shop", "golden")})
	first := in.Desired()
	assert.Equal(t, &cdiv1.DataVolumeSourcePVC{Namespace: "shop", Name: "golden"}, first.Spec.Source.PVC)
	in.DataVolume, in.Origin = first, nil
	assert.Equal(t, first, in.Desired())
}

// A snapshot restores to the size of its claim, with the overhead of a file system. A user who asks for the size of the
// disk gets the disk.
func TestRestoredSize(t *testing.T) {
	const overhead = 0.055
	reference := model.Origin{Kind: model.KindSnapshot, Namespace: "shop", Name: "monday"}
	for name, test := range map[string]struct {
		size, restoreSize string
		sizeless          bool
		message           string
	}{
		"the disk's own size": {"128Mi", "138704Ki", true, ""},
		"a little less": {"127Mi", "138704Ki", false,
			"spec.size is 127Mi, and VolumeSnapshot shop/monday restores to 138704Ki: set spec.size to 128Mi or more"},
		"far less": {"1Gi", "11Gi", false, "set spec.size to 10644Mi or more"},
	} {
		t.Run(name, func(t *testing.T) {
			restoreSize := resource.MustParse(test.restoreSize)
			sizeless, found := fitRestored(reference, resource.MustParse(test.size), restoreSize, overhead)
			assert.Equal(t, test.sizeless, sizeless)
			if test.sizeless {
				assert.Nil(t, found)
				in := clone("WukongDisk", "", "golden", &Origin{sizeless: true})
				volume := in.Desired()
				assert.Empty(t, volume.Spec.Storage.Resources.Requests)
				in.DataVolume, in.Origin = volume, nil
				assert.Equal(t, volume, in.Desired(), "it stays so")
				return
			}
			require.NotNil(t, found)
			assert.Contains(t, found.Message, test.message)
			least, _, _ := strings.Cut(test.message[strings.LastIndex(test.message, "to ")+3:], " ")
			sizeless, _ = fitRestored(reference, resource.MustParse(least), restoreSize, overhead)
			assert.True(t, sizeless, "what it says is enough")
		})
	}
}

// Of a snapshot of several disks one is named, or the message lists them.
func TestDiskOfASnapshot(t *testing.T) {
	of := func(names ...string) *v1alpha1.WukongSnapshot {
		snapshot := &v1alpha1.WukongSnapshot{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "monday"}}
		for _, name := range names {
			snapshot.Status.Disks = append(snapshot.Status.Disks,
				v1alpha1.SnapshotDiskStatus{Name: name, VolumeSnapshotName: "monday-" + name})
		}
		return snapshot
	}
	entry, found := diskOf(of("data"), "")
	assert.Nil(t, found)
	assert.Equal(t, "monday-data", entry.VolumeSnapshotName)
	entry, found = diskOf(of("root", "data"), "data")
	assert.Nil(t, found)
	assert.Equal(t, "monday-data", entry.VolumeSnapshotName)
	_, found = diskOf(of("root", "data"), "")
	assert.Contains(t, found.Message,
		"contains the disks root, data: create another WukongDisk that names one of them in source.snapshot.disk")
	_, found = diskOf(of("root", "data"), "roof")
	assert.Contains(t, found.Message, "contains no disk roof (it contains: root, data)")
	assert.Equal(t, v1alpha1.ReasonInvalidSpec, found.Reason)
}

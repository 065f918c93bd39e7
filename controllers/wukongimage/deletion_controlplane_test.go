//go:build controlplane

package wukongimage_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// The reclaim policy at deletion decides about the versions, whoever imported them. The cluster serves no
// VolumeSnapshots.
func TestReclaimPolicyDecidesAboutTheVersions(t *testing.T) {
	own := func(f images) string {
		one := f.waitImports(1)[0]
		f.SetDataVolume(one, cdiv1.Succeeded)
		return one
	}
	cdi := func(f images) string {
		f.polled("sha256:1", "debian-1")
		f.imported("debian-1")
		return "debian-1"
	}
	for name, test := range map[string]struct {
		options []builder.ImageOption
		fill    func(images) string
		change  string
		stays   bool
	}{
		"ours, deleted": {nil, own, "", false},
		"ours, retained": {[]builder.ImageOption{builder.Retained[v1alpha1.WukongImageSpec]},
			own, "", true},
		"ours, retained after a change": {nil, own, `{"spec":{"reclaimPolicy":"Retain"}}`, true},
		"of CDI, deleted":               {[]builder.ImageOption{fromRegistry, builder.At("@daily")}, cdi, "", false},
		"of CDI, retained": {[]builder.ImageOption{fromRegistry, builder.At("@daily"),
			builder.Retained[v1alpha1.WukongImageSpec]}, cdi, "", true},
		"of CDI, deleted after a change": {[]builder.ImageOption{fromRegistry, builder.At("@daily"),
			builder.Retained[v1alpha1.WukongImageSpec]}, cdi, `{"spec":{"reclaimPolicy":"Delete"}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := start(t)
			foreign := &cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "foreign",
				Labels: map[string]string{
					labelCron: "debian", v1alpha1.LabelManagedBy: "cdi-controller",
				}}}
			image := f.newImage("debian", test.options...)
			f.Create(image)
			one := test.fill(f)
			f.Create(foreign)
			f.Until(func() bool {
				return testkit.Read(f, "debian", &v1alpha1.WukongImage{}).Status.CurrentVersion == one
			})
			if test.change != "" {
				f.Patch(image, test.change)
			}
			f.Remove(image)
			f.WaitGone(image)
			f.WaitGone(&cdiv1.DataSource{ObjectMeta: metav1.ObjectMeta{Name: "debian"}})
			version := &cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Name: one}}
			if test.stays {
				f.WaitIdle()
				kept := testkit.Read(f, one, version)
				assert.Empty(t, kept.OwnerReferences, "the garbage collector has no reason to take it")
				assert.True(t, kept.DeletionTimestamp.IsZero())
			} else {
				f.WaitGone(version)
			}
			assert.True(t, f.Exists("foreign", &cdiv1.DataVolume{}), "it carries the label of another DataImportCron")
			crons := &cdiv1.DataImportCronList{}
			f.Until(func() bool {
				require.NoError(t, f.Client.List(t.Context(), crons))
				for i := range crons.Items {
					if crons.Items[i].Namespace == f.Namespace {
						return false
					}
				}
				return true
			}, "the DataImportCron stays")
		})
	}
}

// The deletion of a namespace deletes everything in it, in any order.
func TestANamespaceWithImagesGoes(t *testing.T) {
	f := alone(t)
	f.StartManager()
	for _, image := range []*v1alpha1.WukongImage{f.newImage("once"),
		f.newImage("polled", fromRegistry, builder.At("@daily"))} {
		f.Create(image)
	}
	f.waitImports(1)
	f.waitCron()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.Namespace}}
	f.Remove(namespace)
	f.Within(2 * time.Minute).WaitGone(namespace)
}

// Deletion in the foreground, as Argo CD does, deletes what refers to an image even while its controller does not run.
func TestContract7VersionsAreRetainedInTheForeground(t *testing.T) {
	f, manager := start(t)
	kept, gone := f.newImage("kept", builder.Retained), f.newImage("gone")
	f.Create(kept)
	version := f.waitImports(1)[0]
	f.SetDataVolume(version, cdiv1.Succeeded)
	f.Until(func() bool { return len(testkit.Read(f, version, &cdiv1.DataVolume{}).OwnerReferences) == 0 })
	f.Create(gone)
	f.waitImports(2)
	f.WaitIdle()
	manager.Stop()
	f.RemoveInForeground(kept, gone)
	assert.Nil(t, testkit.Read(f, version, &cdiv1.DataVolume{}).DeletionTimestamp)
	f.StartManager()
	f.WaitGone(kept)
	f.WaitGone(gone)
	f.WaitGone(&cdiv1.DataSource{ObjectMeta: metav1.ObjectMeta{Name: "gone"}})
	f.WaitGone(&cdiv1.DataSource{ObjectMeta: metav1.ObjectMeta{Name: "kept"}})
	assert.Nil(t, testkit.Read(f, version, &cdiv1.DataVolume{}).DeletionTimestamp)
}

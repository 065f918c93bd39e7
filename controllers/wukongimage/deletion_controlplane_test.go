//go:build controlplane

package wukongimage_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// What happens to the versions is decided when the image is deleted, whoever imported them. The cluster serves no VolumeSnapshots.
func TestReclaimPolicyDecidesAboutTheVersions(t *testing.T) {
	own := func(f fixture) string {
		one := f.waitImports(1)[0]
		f.setImport(one, cdiv1.Succeeded)
		return one
	}
	cdi := func(f fixture) string {
		f.polled("sha256:1", "debian-1")
		f.imported("debian-1")
		return "debian-1"
	}
	for name, test := range map[string]struct {
		options []func(*v1alpha1.WukongImage)
		fill    func(fixture) string
		change  string
		stays   bool
	}{
		"ours, deleted":                  {nil, own, "", false},
		"ours, retained":                 {[]func(*v1alpha1.WukongImage){retained}, own, "", true},
		"ours, retained after a change":  {nil, own, `{"spec":{"reclaimPolicy":"Retain"}}`, true},
		"of CDI, deleted":                {[]func(*v1alpha1.WukongImage){fromRegistry, at("@daily")}, cdi, "", false},
		"of CDI, retained":               {[]func(*v1alpha1.WukongImage){fromRegistry, at("@daily"), retained}, cdi, "", true},
		"of CDI, deleted after a change": {[]func(*v1alpha1.WukongImage){fromRegistry, at("@daily"), retained}, cdi, `{"spec":{"reclaimPolicy":"Delete"}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := start(t)
			foreign := &cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "foreign", Labels: map[string]string{
				labelCron: "debian", v1alpha1.LabelManagedBy: "cdi-controller",
			}}}
			image := f.newImage("debian", test.options...)
			f.create(image)
			one := test.fill(f)
			f.create(foreign)
			require.Eventually(t, func() bool {
				return read(f, "debian", &v1alpha1.WukongImage{}).Status.CurrentVersion == one
			}, patience, interval)
			if test.change != "" {
				f.patch(image, test.change)
			}
			f.remove(image)
			f.waitGone(image)
			f.waitGone(&cdiv1.DataSource{ObjectMeta: metav1.ObjectMeta{Name: "debian"}})
			version := &cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Name: one}}
			if test.stays {
				testenv.WaitIdle(t, 0)
				kept := read(f, one, version)
				assert.Empty(t, kept.OwnerReferences, "the garbage collector has no reason to take it")
				assert.True(t, kept.DeletionTimestamp.IsZero())
			} else {
				f.waitGone(version)
			}
			assert.True(t, f.exists("foreign", &cdiv1.DataVolume{}), "it carries the label of another DataImportCron")
			crons := &cdiv1.DataImportCronList{}
			require.Eventually(t, func() bool {
				require.NoError(t, f.Client.List(t.Context(), crons))
				for i := range crons.Items {
					if crons.Items[i].Namespace == f.namespace {
						return false
					}
				}
				return true
			}, patience, interval, "the DataImportCron stays")
		})
	}
}

// A namespace takes everything with it, in whatever order.
func TestANamespaceWithImagesGoes(t *testing.T) {
	f := fixture{t, environment, environment.Namespace(t), clock.RealClock{}}
	f.startManager()
	for _, image := range []*v1alpha1.WukongImage{f.newImage("once"), f.newImage("polled", fromRegistry, at("@daily"))} {
		f.create(image)
	}
	f.waitImports(1)
	f.waitCron()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.namespace}}
	f.remove(namespace)
	require.Eventually(t, func() bool {
		return apierrors.IsNotFound(f.Client.Get(t.Context(), client.ObjectKeyFromObject(namespace), namespace))
	}, 2*patience, interval)
}

// Deleted in the foreground, as Argo CD does it, an image takes along what refers to it while its controller is away.
func TestContract7VersionsAreRetainedInTheForeground(t *testing.T) {
	f, manager := start(t)
	kept, gone := f.newImage("kept", retained), f.newImage("gone")
	f.create(kept)
	version := f.waitImports(1)[0]
	f.setImport(version, cdiv1.Succeeded)
	require.Eventually(t, func() bool { return len(read(f, version, &cdiv1.DataVolume{}).OwnerReferences) == 0 }, patience, interval)
	f.create(gone)
	f.waitImports(2)
	testenv.WaitIdle(t, 0)
	manager.Stop()
	for _, image := range []*v1alpha1.WukongImage{kept, gone} {
		require.NoError(t, f.Client.Delete(t.Context(), image, client.PropagationPolicy(metav1.DeletePropagationForeground)))
	}
	f.waitGone(&cdiv1.DataSource{ObjectMeta: metav1.ObjectMeta{Name: "gone"}}) // the garbage collector has been here
	f.waitGone(&cdiv1.DataSource{ObjectMeta: metav1.ObjectMeta{Name: "kept"}})
	assert.Nil(t, read(f, version, &cdiv1.DataVolume{}).DeletionTimestamp)
	f.startManager()
	f.waitGone(kept)
	f.waitGone(gone)
	assert.Nil(t, read(f, version, &cdiv1.DataVolume{}).DeletionTimestamp)
}

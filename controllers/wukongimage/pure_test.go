package wukongimage

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

// The cache lists in no order: status must be the same for each.
func TestTheOrderOfImports(t *testing.T) {
	byCDI := func(name string, after time.Duration) cdiv1.DataVolume {
		return cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Name: name,
			CreationTimestamp: metav1.NewTime(creation.Add(after))}}
	}
	imports := []cdiv1.DataVolume{importAt(0, cdiv1.Succeeded), importAt(2*time.Hour, cdiv1.Succeeded),
		byCDI("b", time.Hour), byCDI("a", time.Hour)}
	wanted := []string{"debian-20260302140000", "a", "b", "debian-20260302120000"}
	for range imports {
		imports = append(imports[1:], imports[0])
		sorted, names := slices.Clone(imports), []string(nil)
		sortImports(sorted)
		for i := range sorted {
			names = append(names, sorted[i].Name)
		}
		assert.Equal(t, wanted, names)
	}
	unreadable := importAt(time.Hour, cdiv1.Succeeded)
	unreadable.Annotations[v1alpha1.AnnotationImportTick] = "soon"
	unreadable.CreationTimestamp = metav1.NewTime(creation)
	assert.Equal(t, creation, tickOf(&unreadable), "a tick that someone changed")
}

// A version that is being deleted is not offered, and one that is not complete neither.
func TestWhichVersionIsCurrent(t *testing.T) {
	leaving := importAt(2*time.Hour, cdiv1.Succeeded)
	leaving.DeletionTimestamp = ptr.To(metav1.NewTime(creation))
	image := imageWith()
	for name, row := range map[string]struct {
		imports []cdiv1.DataVolume
		current string
		listed  int
	}{
		"none": {nil, "", 0},
		"the newest": {
			[]cdiv1.DataVolume{importAt(time.Hour, cdiv1.Succeeded), importAt(0, cdiv1.Succeeded)}, "debian-20260302130000", 2},
		"not one in progress": {
			[]cdiv1.DataVolume{importAt(time.Hour, cdiv1.ImportInProgress), importAt(0, cdiv1.Succeeded)},
			"debian-20260302120000", 1},
		"not a failed one": {
			[]cdiv1.DataVolume{importAt(time.Hour, cdiv1.Failed), importAt(0, cdiv1.Succeeded)}, "debian-20260302120000", 1},
		"not a deleted one":  {[]cdiv1.DataVolume{leaving, importAt(0, cdiv1.Succeeded)}, "debian-20260302120000", 1},
		"only a deleted one": {[]cdiv1.DataVolume{leaving}, "", 0},
	} {
		current := currentVersion(image, seen(image, 3*time.Hour, row.imports...))
		versions := listVersions(current, row.imports)
		assert.Len(t, versions, row.listed, name)
		if row.current == "" {
			assert.Nil(t, current, name)
			continue
		}
		require.NotNil(t, current, name)
		assert.Equal(t, row.current, current.name, name)
		assert.Equal(t, row.current, versions[0].Name, "%s: the current one comes first", name)
	}
}

// CDI can keep more versions than status may list.
func TestManyVersions(t *testing.T) {
	var imports []cdiv1.DataVolume
	for i := range v1alpha1.MaxReportedVersions + 5 {
		imports = append(imports, importAt(time.Duration(100-i)*time.Hour, cdiv1.Succeeded))
	}
	versions := listVersions(&version{name: "snapshot", snapshot: true}, imports)
	assert.Len(t, versions, v1alpha1.MaxReportedVersions)
	assert.Equal(t, v1alpha1.ImageVersion{Name: "snapshot"}, versions[0])
	assert.Len(t, listVersions(nil, imports), v1alpha1.MaxReportedVersions)
}

// A DataSource of another object is not this image's, whatever it points to.
func TestWhatADataSourceOffers(t *testing.T) {
	image := imageWith(fromRegistry("r/debian"), at("@daily"))
	own := sourceThatIs("True", "")
	foreign, snapshot := pointingTo(own, "debian-1"), own.DeepCopy()
	foreign.OwnerReferences[0].UID = "former"
	snapshot.Spec.Source.Snapshot = &cdiv1.DataVolumeSourceSnapshot{Namespace: "shop", Name: "debian-1"}
	for name, row := range map[string]struct {
		dataSource *cdiv1.DataSource
		wanted     *version
	}{
		"none":             {nil, nil},
		"empty":            {own, nil},
		"a claim":          {pointingTo(own, "debian-1"), &version{name: "debian-1"}},
		"a snapshot":       {snapshot, &version{name: "debian-1", snapshot: true}},
		"another's":        {foreign, nil},
		"a foreign object": {&cdiv1.DataSource{Spec: foreign.Spec}, nil},
	} {
		assert.Equal(t, row.wanted, offeredVersion(image, &observation{dataSource: row.dataSource}), name)
	}
}

// CDI needs a scheme, and users write what 'docker pull' takes.
func TestTheURLOfARegistry(t *testing.T) {
	for url, wanted := range map[string]string{
		"quay.io/containerdisks/debian:13":         "docker://quay.io/containerdisks/debian:13",
		"docker://quay.io/containerdisks/debian":   "docker://quay.io/containerdisks/debian",
		"oci-archive://debian":                     "oci-archive://debian",
		"registry.example:5000/debian@sha256:0123": "docker://registry.example:5000/debian@sha256:0123",
	} {
		made := importSource(&v1alpha1.WukongImageSource{Registry: &v1alpha1.RegistrySource{URL: url}})
		assert.Equal(t, wanted, *made.Registry.URL)
		assert.Nil(t, made.Registry.SecretRef, "an empty name would be one that does not exist")
		assert.Nil(t, made.Registry.CertConfigMap)
		assert.Nil(t, made.HTTP)
	}
	made := importSource(&v1alpha1.WukongImageSource{HTTP: &v1alpha1.HTTPSource{URL: "http://a/b",
		CertConfigMapRef: &v1alpha1.LocalObjectReference{Name: "ca"}}})
	assert.Equal(t, &cdiv1.DataVolumeSourceHTTP{URL: "http://a/b", CertConfigMap: "ca"}, made.HTTP)
}

// CDI refuses a change of the spec: a change that does not matter must not delete the DataImportCron.
func TestWhenACronIsReplaced(t *testing.T) {
	image := imageWith(fromRegistry("r/debian"), at("@daily"))
	for name, row := range map[string]struct {
		change  func(*cdiv1.DataImportCron)
		differs bool
	}{
		"nothing":      {func(*cdiv1.DataImportCron) {}, false},
		"its status":   {imported("debian-1", "sha256:1"), false},
		"a label":      {func(c *cdiv1.DataImportCron) { c.Labels = map[string]string{"a": "b"} }, false},
		"the schedule": {func(c *cdiv1.DataImportCron) { c.Spec.Schedule = "@hourly" }, true},
		"the versions": {func(c *cdiv1.DataImportCron) { c.Spec.ImportsToKeep = ptr.To[int32](9) }, true},
		"no versions":  {func(c *cdiv1.DataImportCron) { c.Spec.ImportsToKeep = nil }, true},
	} {
		live := desiredCron(image)
		row.change(live)
		assert.Equal(t, row.differs, differs(live, desiredCron(image)), name)
	}
	image.Spec.VersionsToKeep = 0
	assert.EqualValues(t, 1, *desiredCron(image).Spec.ImportsToKeep, "the one that disks start from")
}

// What a user can mend is an error, and what ends by itself is not.
func TestWhatAWriteReports(t *testing.T) {
	leaving := &apply.NameConflictError{Kind: "DataSource", Name: "debian", Leaves: true}
	refused := apply.Classify("DataVolume", "debian-1", apierrors.NewForbidden(
		schema.GroupResource{Resource: "datavolumes"}, "debian-1", errors.New("exceeded quota")))
	for name, row := range map[string]struct {
		err    error
		phase  v1alpha1.ImagePhase
		reason string
	}{
		"a conflict": {
			&apply.NameConflictError{Kind: "DataSource", Name: "debian"}, v1alpha1.ImageError, v1alpha1.ReasonNameConflict},
		"one that is deleted": {leaving, v1alpha1.ImagePending, v1alpha1.ReasonPending},
		"a wrapped one":       {fmt.Errorf("write: %w", leaving), v1alpha1.ImagePending, v1alpha1.ReasonPending},
		"a quota":             {refused, v1alpha1.ImageError, v1alpha1.ReasonApplyRefused},
	} {
		found := writeRefused(row.err)
		assert.Equal(t, row.phase, found.Phase, name)
		assert.Equal(t, row.reason, found.Reason, name)
		assert.Equal(t, row.err.Error(), found.Message, name)
	}
}

func TestAScheduleThatIsWrong(t *testing.T) {
	for _, schedule := range []string{"* * * *", "61 * * * *", "* * * * * *", "@sometimes", "0 3 * * mon-xyz"} {
		image := imageWith(at(schedule))
		found := obstacle(seen(image, time.Hour))
		require.NotNil(t, found, schedule)
		assert.Equal(t, v1alpha1.ReasonInvalidSpec, found.Reason, schedule)
		assert.Contains(t, found.Message, "spec.schedule cannot be read: ", schedule)
		assert.Zero(t, nextTick(image, seen(image, time.Hour)), schedule)
		assert.Nil(t, describe(image, seen(image, time.Hour), found).NextImportTime, schedule)
	}
	for _, schedule := range []string{"0 0 30 2 *", "0 0 31 2,4,6,9,11 *"} {
		never := imageWith(at(schedule))
		found := obstacle(seen(never, time.Hour))
		require.NotNil(t, found, schedule)
		assert.Equal(t, v1alpha1.ReasonInvalidSpec, found.Reason, schedule)
		assert.Equal(t, `spec.schedule "`+schedule+`" names a time that never comes: correct the day of the month, or `+
			"the month", found.Message)
		assert.Zero(t, nextTick(never, seen(never, time.Hour)), schedule)
		assert.Nil(t, describe(never, seen(never, time.Hour), found).NextImportTime, schedule)
	}
	for _, schedule := range []string{"0 0 29 2 *", "0 0 31 2 1", "0 0 31 12 *", "59 23 31 1-3 *"} {
		image := imageWith(at(schedule))
		assert.Nil(t, obstacle(seen(image, time.Hour)), "%s comes", schedule)
	}
}

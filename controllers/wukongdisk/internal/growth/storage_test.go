package growth

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// clusterOf is a cluster with some objects; err is its answer to each read, nil for the usual one.
func clusterOf(t *testing.T, err error, objects ...client.Object) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, storagev1.AddToScheme, cdiv1.AddToScheme} {
		require.NoError(t, add(scheme))
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, obj client.Object,
			options ...client.GetOption) error {
			if err != nil {
				return err
			}
			return inner.Get(ctx, key, obj, options...)
		},
	}).Build()
}

func fast(expands bool) *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "fast"}, AllowVolumeExpansion: &expands}
}

// config is CDI's, with the overhead of all classes, and of class fast unless that is empty.
func config(global, ofFast cdiv1.Percent) *cdiv1.CDIConfig {
	made := &cdiv1.CDIConfig{ObjectMeta: metav1.ObjectMeta{Name: cdiConfigName}}
	made.Status.FilesystemOverhead = &cdiv1.FilesystemOverhead{Global: global}
	if ofFast != "" {
		made.Status.FilesystemOverhead.StorageClass = map[string]cdiv1.Percent{"fast": ofFast}
	}
	return made
}

// An image that does not fit into its file system cannot be grown by KubeVirt, and the guest would see no change.
func TestTheOverheadOfAFileSystem(t *testing.T) {
	const wrong = `CDIConfig config: the file system overhead %q of StorageClass fast is not a number from 0 to 1`
	empty := &cdiv1.CDIConfig{ObjectMeta: metav1.ObjectMeta{Name: cdiConfigName}}
	other := &cdiv1.CDIConfig{ObjectMeta: metav1.ObjectMeta{Name: "other"}}
	for name, row := range map[string]struct {
		config   client.Object
		unserved bool
		overhead float64
		fails    string
	}{
		"CDI is not installed":         {config("0.2", ""), true, defaultOverhead, ""},
		"CDI has no configuration":     {nil, false, defaultOverhead, ""},
		"CDI has not reported it":      {empty, false, defaultOverhead, ""},
		"another configuration":        {other, false, defaultOverhead, ""},
		"of all classes":               {config("0.06", ""), false, 0.06, ""},
		"of the class":                 {config("0.06", "0.1"), false, 0.1, ""},
		"none for the class":           {config("0.06", "0"), false, 0, ""},
		"all of it":                    {config("0.06", "1"), false, 0, fmt.Sprintf(wrong, "1")},
		"less than nothing":            {config("-0.1", ""), false, 0, fmt.Sprintf(wrong, "-0.1")},
		"a text":                       {config("6%", ""), false, 0, fmt.Sprintf(wrong, "6%")},
		"a wrong one of other classes": {config("6%", "0.1"), false, 0.1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var objects []client.Object
			if row.config != nil {
				objects = append(objects, row.config)
			}
			reader := Reader{Live: clusterOf(t, nil, objects...), ImporterServed: !row.unserved}
			overhead, err := reader.Overhead(t.Context(), "fast")
			if row.fails != "" {
				require.EqualError(t, err, row.fails)
				return
			}
			require.NoError(t, err)
			assert.InDelta(t, row.overhead, overhead, 1e-9)
		})
	}
}

// Most passes grow nothing, and read nothing for it.
func TestWhatGrowthDependsOn(t *testing.T) {
	down := errors.New("connection refused")
	wanted := func(changes ...func(*Inputs)) Inputs {
		in := Inputs{Disk: diskWith(ofSize("20Gi")), DataVolume: sized(dataVolumeIn(cdiv1.Succeeded), "10Gi"),
			Claim: grown("11Gi", "", "11Gi")}
		for _, change := range changes {
			change(&in)
		}
		return in
	}
	block := func(in *Inputs) { in.Claim.Spec.VolumeMode = ptr.To(corev1.PersistentVolumeBlock) }
	classless := func(in *Inputs) { in.Claim.Spec.StorageClassName = nil }
	settled := func(in *Inputs) { in.Disk = diskWith(ofSize("10Gi")) }
	moving := func(in *Inputs) { in.Moves = true }
	for name, row := range map[string]struct {
		in           Inputs
		class        *storagev1.StorageClass
		cached, live error
		storage      *Storage
		request      string
	}{
		"it has its size": {in: wanted(settled), cached: down, live: down},
		"it moves first":  {in: wanted(moving), cached: down, live: down},
		"a class that expands": {in: wanted(), class: fast(true),
			storage: &Storage{Class: fast(true), Overhead: 0.1}, request: "22756Mi"},
		"a block volume": {in: wanted(block), class: fast(true), live: down,
			storage: &Storage{Class: fast(true)}, request: "20Gi"},
		"a class that does not":   {in: wanted(), class: fast(false), live: down, storage: &Storage{Class: fast(false)}},
		"a class that is deleted": {in: wanted(), live: down, storage: &Storage{}},
		"a claim without a class": {in: wanted(classless), cached: down, live: down, storage: &Storage{}},
	} {
		t.Run(name, func(t *testing.T) {
			var classes []client.Object
			if row.class != nil {
				classes = append(classes, row.class)
			}
			reader := Reader{Cached: clusterOf(t, row.cached, classes...), ImporterServed: true,
				Live: clusterOf(t, row.live, config("0.1", ""))}
			storage, err := reader.Read(t.Context(), row.in)
			require.NoError(t, err)
			if row.storage == nil {
				assert.Nil(t, storage)
				return
			}
			assert.InDelta(t, row.storage.Overhead, storage.Overhead, 1e-9)
			assert.Equal(t, row.storage.Class == nil, storage.Class == nil)
			row.in.Storage = storage
			assert.Equal(t, row.request != "", row.in.Begins())
			if row.request != "" {
				request := row.in.Request()
				assert.Equal(t, row.request, request.String())
			}
		})
	}
	for _, reader := range []Reader{
		{Cached: clusterOf(t, down), Live: clusterOf(t, nil), ImporterServed: true},
		{Cached: clusterOf(t, nil, fast(true)), Live: clusterOf(t, down), ImporterServed: true},
	} {
		_, err := reader.Read(t.Context(), wanted())
		require.ErrorIs(t, err, down, "nothing is grown by a guess")
	}
}

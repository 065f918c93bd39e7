//go:build controlplane

package controllers_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// Every sample is accepted by the API server as it stands, without an unknown field, and every kind with a controller
// has one.
func TestTheAPIServerAcceptsEverySample(t *testing.T) {
	f := testkit.New(t)
	strict := client.WithFieldValidation(f.Client, "Strict")
	kinds := map[string]bool{}
	require.NoError(t, filepath.WalkDir(filepath.Join("..", "config", "samples"),
		func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
				return err
			}
			for _, object := range readSample(t, path) {
				kinds[object.GetKind()] = true
				if object.GetKind() == "WukongHostNetworkPolicy" {
					// The tests have one, of which the sample is tried as a change.
					object.SetResourceVersion(resourceVersion(t, f, object))
					assert.NoError(t, strict.Update(t.Context(), object, client.DryRunAll), path)
					continue
				}
				object.SetNamespace(f.Namespace)
				assert.NoError(t, strict.Create(t.Context(), object, client.DryRunAll), "%s: %s %s", path,
					object.GetKind(), object.GetName())
			}
			return nil
		}))
	assert.True(t, kinds["WukongHostNetworkPolicy"])
	for _, kind := range controllers.Kinds {
		if _, written := kind.Object.(v1alpha1.Object); written { // a WukongAddress is not, by people
			assert.True(t, kinds[kind.Type()], "no sample of kind %s", kind.Type())
		}
	}
}

func resourceVersion(t *testing.T, f *testkit.Fixture, object client.Object) string {
	t.Helper()
	live := object.DeepCopyObject().(client.Object)
	require.NoError(t, f.Client.Get(t.Context(), client.ObjectKeyFromObject(object), live))
	return live.GetResourceVersion()
}

func readSample(t *testing.T, path string) []*unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	var objects []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			require.NotEmpty(t, objects, path)
			return objects
		}
		require.NoError(t, err, path)
		if len(object.Object) == 0 {
			continue
		}
		require.Contains(t, []string{v1alpha1.GroupVersion.String(), "v1"}, object.GetAPIVersion(), path)
		objects = append(objects, object)
	}
}

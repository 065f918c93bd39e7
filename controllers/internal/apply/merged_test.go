package apply

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
)

// Each list of a child's definition is merged that mergedLists names, and no other. Service is of k8s.io/api.
func TestMergedListsAreThoseOfTheDefinitions(t *testing.T) {
	actual := map[string][]string{}
	for _, pattern := range []string{"../../../config/crd/bases/*.yaml", "../testenv/crds/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, path := range paths {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, document := range bytes.Split(content, []byte("\n---\n")) {
				definition := &apiextensionsv1.CustomResourceDefinition{}
				require.NoError(t, yaml.Unmarshal(document, definition), path)
				for i := range definition.Spec.Versions {
					if version := &definition.Spec.Versions[i]; version.Storage && version.Schema != nil {
						spec := version.Schema.OpenAPIV3Schema.Properties["spec"]
						actual[definition.Spec.Names.Kind] = mergedIn(&spec, "spec")
					}
				}
			}
		}
	}
	for _, kind := range []string{
		"DataImportCron", "DataSource", "DataVolume", "NetworkAttachmentDefinition", "NodeNetworkConfigurationPolicy",
		"VirtualMachine", "VirtualMachineInstanceMigration", "VolumeSnapshot", "WukongDisk", "WukongNetwork",
	} {
		require.Contains(t, actual, kind)
		assert.ElementsMatch(t, actual[kind], mergedLists[kind], kind)
	}
}

// mergedIn returns the paths of the lists below a schema that the API server merges. What is below an atomic list or
// object is replaced with it.
func mergedIn(schema *apiextensionsv1.JSONSchemaProps, path string) []string {
	var found []string
	switch {
	case ptr.Deref(schema.XMapType, "granular") == "atomic":
		return nil
	case schema.Items != nil && slices.Contains([]string{"map", "set"}, ptr.Deref(schema.XListType, "atomic")):
		found = append(found, path)
		return append(found, mergedIn(schema.Items.Schema, path)...)
	}
	for name := range schema.Properties {
		field := schema.Properties[name]
		found = append(found, mergedIn(&field, path+"."+name)...)
	}
	return found
}

// The items of a merged list may have merged lists. A list below one that is replaced as a whole is none.
func TestItemsOfOthersBelowAList(t *testing.T) {
	template := builder.Network("shop", "lan", func(spec *v1alpha1.WukongNetworkSpec) {
		spec.Subnets = []v1alpha1.Subnet{{
			CIDR: "192.0.2.0/24", Pool: &v1alpha1.AddressPool{Exclude: []v1alpha1.AddressOrCIDR{"192.0.2.1"}},
		}}
		spec.Policy = &v1alpha1.TrafficPolicy{Ingress: []v1alpha1.TrafficRule{{}}}
	})
	fields, err := appliedFields(template.DeepCopy(), v1alpha1.GroupVersion.String(), "WukongNetwork")
	require.NoError(t, err)
	annotations := fields["metadata"].(map[string]any)["annotations"].(map[string]any)
	template.Annotations = map[string]string{
		v1alpha1.AnnotationAppliedHash: annotations[v1alpha1.AnnotationAppliedHash].(string),
	}
	for name, row := range map[string]struct {
		change func(*v1alpha1.WukongNetworkSpec)
		same   bool
	}{
		"another subnet": {func(spec *v1alpha1.WukongNetworkSpec) {
			spec.Subnets = append([]v1alpha1.Subnet{{CIDR: "198.51.100.0/24"}}, spec.Subnets...)
		}, true},
		"another address of a subnet": {func(spec *v1alpha1.WukongNetworkSpec) {
			spec.Subnets[0].Pool.Exclude = append(spec.Subnets[0].Pool.Exclude, "192.0.2.2")
		}, true},
		"an address less":  {func(spec *v1alpha1.WukongNetworkSpec) { spec.Subnets[0].Pool.Exclude = nil }, false},
		"a subnet changed": {func(spec *v1alpha1.WukongNetworkSpec) { spec.Subnets[0].Pool = nil }, false},
		"another rule": {func(spec *v1alpha1.WukongNetworkSpec) {
			spec.Policy.Ingress = append(spec.Policy.Ingress, v1alpha1.TrafficRule{})
		}, false},
	} {
		live := template.DeepCopy()
		row.change(&live.Spec)
		same, err := carries(live, fields)
		require.NoError(t, err)
		assert.Equal(t, row.same, same, name)
	}
}

package defaultconfig

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// The charts are what `make generate` writes; the base lists by hand what it takes from there.
func TestTheBaseHasTheDefinitionsOfTheChart(t *testing.T) {
	assert.ElementsMatch(t, names(t, "../../charts/wukong-crds/templates/*.yaml"),
		resources(t, "../crd/kustomization.yaml"))
}

func TestTheBaseHasEveryRole(t *testing.T) {
	assert.ElementsMatch(t, names(t, "../rbac/*.yaml"), resources(t, "../rbac/kustomization.yml"))
}

func TestEveryRoleIsBound(t *testing.T) {
	var expected, bound []string
	for _, file := range names(t, "../rbac/*.yaml") {
		expected = append(expected, "wukong-"+strings.TrimSuffix(file, ".yaml"))
	}
	text, err := os.ReadFile("subsystem_bindings.yaml")
	require.NoError(t, err)
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		var binding rbacv1.ClusterRoleBinding
		err := decoder.Decode(&binding)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if binding.Name == "" {
			continue
		}
		assert.Equal(t, binding.Name, binding.RoleRef.Name)
		assert.Equal(t, []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "wukong-system", Name: "wukong"}},
			binding.Subjects, binding.Name)
		bound = append(bound, binding.RoleRef.Name)
	}
	assert.ElementsMatch(t, expected, bound)
}

// Each file of the folder is used: one that is forgotten in the list would install nothing.
func TestEveryFileIsListed(t *testing.T) {
	var files []string
	for _, name := range names(t, "*.yaml") {
		if name != "kustomization.yaml" {
			files = append(files, name)
		}
	}
	assert.ElementsMatch(t, append(files, "crd", "rbac"), resources(t, "kustomization.yaml"))
}

// resources lists the last parts of the paths in a kustomization.
func resources(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var kustomization struct {
		Resources []string `json:"resources"`
	}
	require.NoError(t, yaml.Unmarshal(text, &kustomization))
	var found []string
	for _, resource := range kustomization.Resources {
		found = append(found, filepath.Base(resource))
	}
	return found
}

func names(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, files, pattern)
	var found []string
	for _, file := range files {
		found = append(found, filepath.Base(file))
	}
	return found
}

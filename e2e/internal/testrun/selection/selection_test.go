package selection

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// suites are one of the operator and one of the dev cluster.
var suites = []Suite{
	{
		Name: "disks", Operator: true, Folder: "e2e/suites/disks",
		Sources: map[string]bool{
			"controllers/wukongdisk": true, "cmd/manager": true, "mover": true, "apis/v1alpha1": true,
			"e2e/internal/harness": true, "e2e/suites/disks": true,
		},
	},
	{
		Name: "platform", Folder: "e2e/suites/platform",
		Sources: map[string]bool{"e2e/devcluster": true, "e2e/devcluster/internal/addons/cdi": true,
			"e2e/suites/platform": true},
	},
}

func TestWhichSuitesRunWhole(t *testing.T) {
	neither, both := []Depth{Essential, Essential}, []Depth{Whole, Whole}
	operator, cluster := []Depth{Whole, Essential}, []Depth{Essential, Whole}
	for file, want := range map[string][]Depth{
		"controllers/wukongdisk/growth.go":            operator,
		"controllers/wukongdisk/growth_test.go":       neither,
		"controllers/wukongdisk/testdata/one.json":    neither,
		"controllers/bench/main.go":                   neither,
		"apis/v1alpha1/wukongdisk_types.go":           operator,
		"mover/gone.go":                               operator, // deleted, of a package that is still there
		"charts/wukong/templates/deployment.yaml":     operator,
		"config/samples/vm.yaml":                      operator,
		"controllers/wukongdisk/embedded.yaml":        operator,
		"tools/helm/go.sum":                           operator,
		"tools/lint/go.sum":                           neither,
		"e2e/internal/harness/harness.go":             operator,
		"e2e/suites/disks/growth_test.go":             operator,
		"e2e/suites/disks/budget.json":                neither,
		"e2e/suites/disks/testdata/one.json":          operator,
		"e2e/suites/platform/storage_test.go":         cluster,
		"e2e/devcluster/internal/addons/cdi/addon.go": cluster,
		"e2e/devcluster/internal/coredns/some.yaml":   cluster,
		"e2e/devcluster/internal/guest/files/x.sh":    both,
		"e2e/devcluster/tools/kubevirt/recipe.json":   both,
		"go.mod":                  both,
		"e2e/go.sum":              both,
		"e2e/devcluster/go.mod":   both,
		"go.work":                 both,
		"Makefile":                both,
		"docs/disks.md":           neither,
		"README.md":               neither,
		"charts/wukong/README.md": neither,
		"docs/links_test.go":      neither,
		".ci/tested":              neither,
		".ci/run":                 neither,
		"something/new.txt":       both,
	} {
		var depths []Depth
		for _, choice := range Choose(suites, WithoutTests([]string{file})) {
			depths = append(depths, choice.Depth)
		}
		assert.Equal(t, want, depths, file)
	}
}

func TestChoiceSaysWhy(t *testing.T) {
	choices := Choose(suites, []string{"README.md", "controllers/wukongdisk/growth.go", "charts/wukong/values.yaml"})
	assert.Equal(t, []Choice{
		{Suite: "disks", Depth: Whole, Because: "controllers/wukongdisk/growth.go changed"},
		{Suite: "platform", Depth: Essential, Because: "nothing that it tests changed"},
	}, choices)
	assert.Equal(t, []Choice{
		{Suite: "disks", Depth: Whole, Because: "asked for"}, {Suite: "platform", Depth: Whole, Because: "asked for"},
	}, All(suites, Whole, "asked for"))
}

func TestWithinKeepsTheProject(t *testing.T) {
	listed := "/src/wukong/mover\n/root/go/pkg/mod/example.test/one\n/src/wukong\n/src/wukong-other/mover\n\n"
	assert.Equal(t, []string{"mover", "."}, within("/src/wukong", listed))
}

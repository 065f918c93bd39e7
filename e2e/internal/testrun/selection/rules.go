package selection

import (
	"path"
	"strings"
)

// scope is which suites notice that a file changed.
type scope int

const (
	scopeEverything scope = iota
	scopeNone
	scopeOperator
	scopeCluster
)

// rules are by path; the first that matches counts. A name that ends in a slash is a folder, other names are files.
var rules = []struct {
	prefix string
	scope  scope
}{
	{"docs/", scopeNone},
	{".ci/", scopeNone},
	{".github/", scopeNone},
	{".gitignore", scopeNone},
	{".dockerignore", scopeNone},
	{".golangci.yml", scopeNone},
	{"Dockerfile", scopeNone}, // the suites' image is made without it
	{"LICENSE", scopeNone},

	// Tools that write files or look at them: what they write is a change of its own.
	{"tools/controller-gen/", scopeNone},
	{"tools/crd-ref-docs/", scopeNone},
	{"tools/lint/", scopeNone},
	{"tools/chart-crd.sh", scopeNone},
	{"tools/upstream-crds.sh", scopeNone},
	{"tools/verify-generate.sh", scopeNone},
	{"tools/helm/", scopeOperator},

	{"charts/", scopeOperator},
	{"config/", scopeOperator},
	{"controllers/", scopeOperator},
	{"mover/", scopeOperator},
	{"cmd/", scopeOperator},
	{"apis/", scopeOperator},

	// Which Kubernetes, KubeVirt and CDI there are, and what guests are made of, matters to everything that runs on
	// them.
	{"e2e/devcluster/tools/", scopeEverything},
	{"e2e/devcluster/internal/guest/", scopeEverything},
	{"e2e/devcluster/internal/addons/kubevirt/", scopeEverything},
	{"e2e/devcluster/", scopeCluster},
	{"e2e/suites/", scopeNone}, // of another suite
}

// scopeOf says who notices a change of a file that is no Go source. One that no rule names is noticed by all.
func scopeOf(file string) scope {
	switch {
	case IsDocumentation(file):
		return scopeNone
	case isModuleFile(file) && !strings.HasPrefix(file, "tools/"):
		return scopeEverything
	}
	for _, rule := range rules {
		if file == rule.prefix || (strings.HasSuffix(rule.prefix, "/") && strings.HasPrefix(file, rule.prefix)) {
			return rule.scope
		}
	}
	return scopeEverything
}

// isModuleFile is true for what chooses the versions of dependencies.
func isModuleFile(file string) bool {
	switch path.Base(file) {
	case "go.mod", "go.sum", "go.work", "go.work.sum":
		return true
	}
	return false
}

// IsDocumentation is true for what only people read.
func IsDocumentation(file string) bool { return strings.HasSuffix(file, ".md") }

// TestedFile keeps the last commit of which all tests passed.
const TestedFile = ".ci/tested"

// Command kinds writes the lists of kinds with a controller that exist outside Go: the resources of the
// kustomizations, the bindings of the roles, the kinds that users may edit, the controllers that the chart knows, and
// the health checks of Argo CD. Its argument is the folder of the project.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers"
)

const arguments = 2

func main() {
	if len(os.Args) != arguments {
		fmt.Fprintln(os.Stderr, "usage: kinds FOLDER-OF-THE-PROJECT")
		os.Exit(1)
	}
	if err := project(os.Args[1]).write(); err != nil {
		fmt.Fprintln(os.Stderr, "kinds:", err)
		os.Exit(1)
	}
}

// project is the folder of the project.
type project string

func (p project) write() error {
	roles := append([]string{"dependency"}, controllers.Names()...)
	edited, finalized, err := p.plurals()
	if err != nil {
		return err
	}
	bindings := ""
	for _, role := range roles {
		bindings += fmt.Sprintf(binding, role)
	}
	health, err := os.ReadFile(p.path("config/argocd/health.lua"))
	if err != nil {
		return err
	}
	checks := ""
	for _, kind := range controllers.Kinds {
		if _, ok := kind.Object.(v1alpha1.Object); ok {
			checks += fmt.Sprintf("  resource.customizations.health.%s_%s: |\n", v1alpha1.GroupName, kind.Type())
			checks += indent(string(health))
		}
	}
	definitions, err := p.files("charts/wukong-crds/templates/"+v1alpha1.GroupName+"_*.yaml", "  - bases/%s\n")
	if err != nil {
		return err
	}
	guards, err := p.files("config/crd/*-*.yaml", "  - %s\n")
	if err != nil {
		return err
	}
	edits := `resources: \[wukong[a-z]+, [^]]*\]`
	resources, listed := `(?s)\nresources:\n.*`, strings.Join(roles, ".yaml\n  - ")
	ranged := "range $name := list " + quoted(finalized, " ")
	names := quoted(controllers.Names(), ", ")
	for _, list := range []struct{ file, pattern, text string }{
		{"config/crd/kustomization.yaml", resources, "\nresources:\n" + definitions + guards},
		{"config/rbac/kustomization.yml", resources, "\nresources:\n  - " + listed + ".yaml\n"},
		{"config/default/subsystem_bindings.yaml", `(?s)\n---\n.*`, "\n" + bindings},
		{"config/default/user_roles.yaml", edits, "resources: [" + strings.Join(edited, ", ") + "]"},
		{"charts/wukong/templates/user-roles.yaml", edits, "resources: [" + strings.Join(edited, ", ") + "]"},
		{"charts/wukong/templates/subsystem-roles.yaml", `range \$name := list( "[a-z]+")+`, ranged},
		{"charts/wukong/values.schema.json", `"enum": \["\*"[^]]*\]`, `"enum": ["*", ` + names + "]"},
		{"config/argocd/argocd-cm.yaml", `(?s)\ndata:\n.*`, "\ndata:\n" + checks},
	} {
		if err := p.replace(list.file, list.pattern, list.text); err != nil {
			return err
		}
	}
	return nil
}

// binding binds one role to the manager.
const binding = `---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: wukong-%[1]s
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: wukong-%[1]s
subjects:
  - kind: ServiceAccount
    name: wukong
    namespace: wukong-system
`

func (p project) path(file string) string { return filepath.Join(string(p), filepath.FromSlash(file)) }

// files returns the names of files, each on a line.
func (p project) files(pattern, line string) (string, error) {
	found, err := filepath.Glob(p.path(pattern))
	if err != nil {
		return "", err
	}
	slices.Sort(found)
	text := ""
	for _, path := range found {
		text += fmt.Sprintf(line, filepath.Base(path))
	}
	return text, nil
}

// plurals returns the names in roles of the kinds that users edit in their namespaces, and the controllers of those
// with a finalizer.
func (p project) plurals() (edited, finalized []string, err error) {
	plural := map[string]string{}
	paths, err := filepath.Glob(p.path("config/crd/bases/*.yaml"))
	if err != nil {
		return nil, nil, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		definition := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(text, definition); err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", path, err)
		}
		if definition.Spec.Scope == apiextensionsv1.NamespaceScoped {
			plural[definition.Spec.Names.Kind] = definition.Spec.Names.Plural
		}
	}
	for _, kind := range controllers.Kinds {
		if name := plural[kind.Type()]; name != "" && !kind.RoleOfItsOwn {
			edited = append(edited, name)
		}
		if kind.Finalizer != "" {
			finalized = append(finalized, kind.Name)
		}
	}
	slices.Sort(edited)
	slices.Sort(finalized)
	return edited, finalized, nil
}

// replace puts text into the one place of a file that matches a pattern.
func (p project) replace(file, pattern, text string) error {
	content, err := os.ReadFile(p.path(file))
	if err != nil {
		return err
	}
	places := regexp.MustCompile(pattern).FindAllIndex(content, -1)
	if len(places) != 1 {
		return fmt.Errorf("%s has %d places for a list of kinds, and needs one: %s", file, len(places), pattern)
	}
	made := string(content[:places[0][0]]) + text + string(content[places[0][1]:])
	return os.WriteFile(p.path(file), []byte(made), 0o644)
}

func quoted(names []string, between string) string {
	return `"` + strings.Join(names, `"`+between+`"`) + `"`
}

// indent formats a text for a YAML block.
func indent(text string) string {
	result := ""
	for line := range strings.Lines(text) {
		if line != "\n" {
			line = "    " + line
		}
		result += line
	}
	return result
}

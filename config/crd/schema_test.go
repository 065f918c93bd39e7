package crd

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestEveryKindHasACRD(t *testing.T) {
	var found []string
	for _, definition := range definitions(t) {
		found = append(found, definition.Spec.Names.Kind)
	}
	// A CRD that is generated no more must not go unnoticed, nor a kind that no scheme knows.
	scheme, known := runtime.NewScheme(), []string{}
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	for name := range scheme.KnownTypes(v1alpha1.GroupVersion) {
		if strings.HasPrefix(name, "Wukong") && !strings.HasSuffix(name, "List") {
			known = append(known, name)
		}
	}
	assert.ElementsMatch(t, known, found)
}

func TestEveryKindIsNamespacedAndInTheCategory(t *testing.T) {
	for _, definition := range definitions(t) {
		t.Run(definition.Spec.Names.Kind, func(t *testing.T) {
			// A WukongAddress is a lock that holds across namespaces, a WukongHostNetworkPolicy a rule for them; both
			// say nothing but what they were made with.
			lock := slices.Contains([]string{"WukongAddress", "WukongHostNetworkPolicy"}, definition.Spec.Names.Kind)
			assert.Equal(t, lock, definition.Spec.Scope == apiextensionsv1.ClusterScoped)
			// Nor is it in the category: who may see a namespace alone would get an error for the rest.
			assert.Equal(t, !lock, slices.Contains(definition.Spec.Names.Categories, "wukong-all"))
			assert.NotEmpty(t, definition.Spec.Names.ShortNames)
			for _, version := range definition.Spec.Versions {
				assert.Equal(t, lock, version.Subresources.Status == nil, "subresources of %s", version.Name)
				assert.NotEmpty(t, version.AdditionalPrinterColumns, "print columns of %s", version.Name)
			}
		})
	}
}

// TestNothingIsUnbounded keeps objects small and the cost of CEL rules known: the API server estimates a rule by the
// largest list, map and string that the schema allows.
func TestNothingIsUnbounded(t *testing.T) {
	forEachSchema(t, func(path string, schema *apiextensionsv1.JSONSchemaProps) string {
		switch {
		case schema.Type == "array" && schema.MaxItems == nil:
			return "a list without maxItems"
		case schema.AdditionalProperties != nil && schema.MaxProperties == nil:
			return "a map without maxProperties"
		case schema.Type == "string" && inSpec(path) && !isMapValue(path) && !boundedString(schema):
			return "a string without maxLength, enum or format"
		}
		return ""
	})
}

func TestEveryFieldHasADescription(t *testing.T) {
	forEachSchema(t, func(path string, schema *apiextensionsv1.JSONSchemaProps) string {
		if isElement(path) || strings.TrimSpace(schema.Description) != "" {
			return ""
		}
		return "no description"
	})
}

// TestEveryListSaysHowItMerges: without a list type, server-side apply by two writers replaces the whole list.
func TestEveryListSaysHowItMerges(t *testing.T) {
	forEachSchema(t, func(_ string, schema *apiextensionsv1.JSONSchemaProps) string {
		if schema.Type == "array" && schema.XListType == nil {
			return "a list without listType"
		}
		return ""
	})
}

// TestEveryNameOfAnObjectIsChecked (fault A.4): what no object can be called must not be waited for.
func TestEveryNameOfAnObjectIsChecked(t *testing.T) {
	const example = "../x"
	forEachSchema(t, func(path string, schema *apiextensionsv1.JSONSchemaProps) string {
		field := path[strings.LastIndex(path, ".")+1:]
		names := field == "name" || field == "namespace" || strings.HasSuffix(field, "Name")
		if !inSpec(path) || !names || schema.Type != "string" || len(schema.Enum) > 0 {
			return ""
		}
		if schema.Pattern == "" {
			return "a name without a pattern"
		}
		if regexp.MustCompile(schema.Pattern).MatchString(example) {
			return "a pattern that accepts " + example
		}
		return ""
	})
}

// TestEveryTimeHasAPattern: the format date-time accepts what Go does not parse, such as a lower-case t. One such
// object of a user keeps every manager from listing the kind.
func TestEveryTimeHasAPattern(t *testing.T) {
	forEachSchema(t, func(path string, schema *apiextensionsv1.JSONSchemaProps) string {
		if inSpec(path) && schema.Format == "date-time" && schema.Pattern == "" {
			return "a time without a pattern"
		}
		return ""
	})
}

// TestNoFloats: floating point numbers do not survive a round trip between languages.
func TestNoFloats(t *testing.T) {
	forEachSchema(t, func(_ string, schema *apiextensionsv1.JSONSchemaProps) string {
		if schema.Type == "number" {
			return "a floating point number"
		}
		return ""
	})
}

// TestEveryRuleHasAMessage: a CEL expression tells a user nothing.
func TestEveryRuleHasAMessage(t *testing.T) {
	forEachSchema(t, func(_ string, schema *apiextensionsv1.JSONSchemaProps) string {
		for _, rule := range schema.XValidations {
			if rule.Message == "" && rule.MessageExpression == "" {
				return fmt.Sprintf("rule %q without a message", rule.Rule)
			}
		}
		return ""
	})
}

// forEachSchema fails with everything that check finds wrong in the spec and status of every kind. The rest of an
// object (metadata, apiVersion, kind) is the API server's.
func forEachSchema(t *testing.T, check func(path string, schema *apiextensionsv1.JSONSchemaProps) string) {
	t.Helper()
	for _, definition := range definitions(t) {
		for _, version := range definition.Spec.Versions {
			t.Run(definition.Spec.Names.Kind+"/"+version.Name, func(t *testing.T) {
				var wrong []string
				for _, part := range []string{"spec", "status"} {
					schema, exists := version.Schema.OpenAPIV3Schema.Properties[part]
					if !exists {
						continue
					}
					walk(part, &schema, func(path string, schema *apiextensionsv1.JSONSchemaProps) {
						if finding := check(path, schema); finding != "" {
							wrong = append(wrong, path+": "+finding)
						}
					})
				}
				sort.Strings(wrong)
				assert.Empty(t, wrong, strings.Join(wrong, "\n"))
			})
		}
	}
}

// walk visits a schema and everything below it. Elements of lists are called path[], values of maps path{}.
func walk(path string, schema *apiextensionsv1.JSONSchemaProps, visit func(string, *apiextensionsv1.JSONSchemaProps)) {
	visit(path, schema)
	for name, property := range schema.Properties {
		walk(path+"."+name, &property, visit)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		walk(path+"[]", schema.Items.Schema, visit)
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		walk(path+"{}", schema.AdditionalProperties.Schema, visit)
	}
}

func inSpec(path string) bool { return strings.HasPrefix(path, "spec") }

func isElement(path string) bool {
	return strings.HasSuffix(path, "[]") || strings.HasSuffix(path, "{}")
}

// isMapValue tells values of label maps. A schema cannot bound them while their Go type is string, no rule reads them,
// and the API server bounds labels when they reach metadata.
func isMapValue(path string) bool { return strings.HasSuffix(path, "{}") }

func boundedString(schema *apiextensionsv1.JSONSchemaProps) bool {
	return schema.MaxLength != nil || len(schema.Enum) > 0 || schema.Format != ""
}

func definitions(t *testing.T) []apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("bases", "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	found := make([]apiextensionsv1.CustomResourceDefinition, 0, len(files))
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var definition apiextensionsv1.CustomResourceDefinition
		require.NoError(t, yaml.UnmarshalStrict(data, &definition), file)
		found = append(found, definition)
	}
	return found
}

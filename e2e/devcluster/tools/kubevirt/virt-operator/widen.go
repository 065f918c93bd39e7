package main

import (
	"fmt"

	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// unsigned are the fields whose values use all of 32 bits.
var unsigned = map[string]bool{"checksum": true, "VSOCKCID": true}

// widen changes the format of these fields in all schemas, which are YAML by kind.
func widen(schemas map[string]string) error {
	for kind, text := range schemas {
		var schema extv1.CustomResourceValidation
		if err := yaml.UnmarshalStrict([]byte(text), &schema); err != nil {
			return fmt.Errorf("read the schema of %s: %w", kind, err)
		}
		if !widenProperties(schema.OpenAPIV3Schema) {
			continue
		}
		wider, err := yaml.Marshal(schema)
		if err != nil {
			return fmt.Errorf("write the schema of %s: %w", kind, err)
		}
		schemas[kind] = string(wider)
	}
	return nil
}

// widenProperties is true when it changed something at or below the schema.
func widenProperties(schema *extv1.JSONSchemaProps) bool {
	if schema == nil {
		return false
	}
	changed := false
	for name, property := range schema.Properties {
		if unsigned[name] && property.Format == "int32" {
			property.Format = "int64"
			changed = true
		}
		if widenProperties(&property) {
			changed = true
		}
		schema.Properties[name] = property
	}
	if schema.Items != nil && widenProperties(schema.Items.Schema) {
		changed = true
	}
	if schema.AdditionalProperties != nil && widenProperties(schema.AdditionalProperties.Schema) {
		changed = true
	}
	return changed
}

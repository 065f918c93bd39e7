package cloudinit

import (
	"bytes"
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// text is a string that every YAML parser reads as the same string. All text from users has this type.
//
// The encoder's own choice of quotes is not enough. It quotes what its own YAML 1.2 would read as a number, a date or
// a boolean, but cloud-init reads with PyYAML, which is YAML 1.1 and takes more for one, such as 2001-13-99 for a
// date, on which it fails. And with some control characters the encoder writes what it cannot read itself. So
// everything but plain words is put in double quotes.
type text string

var (
	// plainWords begin with a letter: numbers, dates and merge keys do not.
	plainWords = regexp.MustCompile(`^[A-Za-z]([-A-Za-z0-9@=+/._ ]*[-A-Za-z0-9@=+/._])?$`)
	// yamlWords are the words that YAML 1.1 reads as a boolean or null.
	yamlWords = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null)$`)
)

// MarshalYAML implements yaml.Marshaler.
func (t text) MarshalYAML() (any, error) {
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: string(t)}
	if !plainWords.MatchString(string(t)) || yamlWords.MatchString(string(t)) {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node, nil
}

// encode writes a value as YAML, with the keys in the order of its fields.
func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("encode cloud-init data: %w", err)
	}
	return out.Bytes(), nil
}

package cloudinit

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// encode writes a value as YAML that every parser reads as the same value.
//
// The encoder alone is not enough: it quotes what its own YAML 1.2 reading would take for a number, a date or a boolean, but cloud-init
// reads with PyYAML, which is YAML 1.1 and takes more for one, such as 2001-13-99 for a date (and fails on it). What looks like
// a number, a date, a null or a merge key never begins with an ASCII letter, except the words that the encoder quotes anyhow.
func encode(value any) ([]byte, error) {
	var document yaml.Node
	if err := document.Encode(value); err != nil {
		return nil, fmt.Errorf("encode cloud-init data: %w", err)
	}
	quote(&document)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return nil, fmt.Errorf("write cloud-init data: %w", err)
	}
	return out.Bytes(), nil
}

// quote puts every string in double quotes that does not begin with a letter.
func quote(node *yaml.Node) {
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!str" && !beginsWithLetter(node.Value) {
		node.Style = yaml.DoubleQuotedStyle
	}
	for _, child := range node.Content {
		quote(child)
	}
}

func beginsWithLetter(text string) bool {
	return text != "" && (text[0] >= 'a' && text[0] <= 'z' || text[0] >= 'A' && text[0] <= 'Z')
}

package cloudinit

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTextIsQuotedUnlessPlain: the test's own YAML parser is not the guest's, so it cannot show this.
func TestTextIsQuotedUnlessPlain(t *testing.T) {
	for given, wanted := range map[text]string{
		"web-1":            "web-1",
		"Europe/Vienna":    "Europe/Vienna",
		keyA:               keyA,
		"no":               `"no"`,
		"On":               `"On"`,
		"NULL":             `"NULL"`,
		"y":                `"y"`,
		"2001-13-99":       `"2001-13-99"`,
		"0b_":              `"0b_"`,
		"12:34:56":         `"12:34:56"`,
		"=":                `"="`,
		"<<":               `"<<"`,
		"~":                `"~"`,
		"":                 `""`,
		"a: b":             `"a: b"`,
		"a #b":             `"a #b"`,
		"ends with blank ": `"ends with blank "`,
		"\nfirst":          `"\nfirst"`,
	} {
		encoded, err := encode(given)
		require.NoError(t, err)
		assert.Equal(t, wanted+"\n", string(encoded))
	}
	long := text("ssh-rsa AAAA" +
		" with a comment of many words that an encoder could fold at eighty columns but must not")
	encoded, err := encode(long)
	require.NoError(t, err)
	assert.Equal(t, string(long)+"\n", string(encoded))
}

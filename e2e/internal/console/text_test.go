package console

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTextIsWhatThePersonReads(t *testing.T) {
	t.Parallel()
	for name, chunks := range map[string][]string{
		"plain":                         {"<<one\r\n>>"},
		"a reset of the terminal":       {"<<\x1b[!p\x1b]104\a\x1b[?7hone\r\n>>"},
		"a sequence in several chunks":  {"<<o\x1b", "[?20", "04hne\r", "\n>>"},
		"colours":                       {"<<\x1b[32mone\x1b[0m\r\n>>"},
		"a string that ends with ST":    {"<<\x1b]104\x1b\\one\n>>"},
		"after what was said before it": {"boot\r\n[ 1.0] kernel\r\n", "<<one\n>>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := newText()
			for _, chunk := range chunks {
				said.write([]byte(chunk))
			}
			assert.Equal(t, []string{"<<one\n>>", "one\n"}, said.take(regexp.MustCompile(`(?s)<<(.*?)>>`)))
			assert.Empty(t, said.tail())
		})
	}
}

func TestTextIsTakenOnce(t *testing.T) {
	t.Parallel()
	said := newText()
	said.write([]byte("login: alice\nPassword: "))
	assert.Nil(t, said.take(regexp.MustCompile(`[$#] $`)))
	assert.NotNil(t, said.take(regexp.MustCompile(`login: `)))
	assert.Nil(t, said.take(regexp.MustCompile(`login: `)))
	assert.Equal(t, "alice\nPassword: ", said.tail())
}

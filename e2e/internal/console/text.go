package console

import (
	"regexp"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// text is what a guest printed, without the sequences by which it steers the terminal: systemd resets the terminal in
// the middle of what a command prints.
type text struct {
	parser *ansi.Parser
	seen   *strings.Builder
}

func newText() text {
	result := text{parser: ansi.NewParser(), seen: &strings.Builder{}}
	result.parser.SetHandler(ansi.Handler{
		Print: func(letter rune) { result.seen.WriteRune(letter) },
		Execute: func(control byte) {
			if control == '\n' || control == '\t' {
				result.seen.WriteByte(control)
			}
		},
	})
	return result
}

// write adds what the guest printed. A sequence may be spread over several calls.
func (t text) write(chunk []byte) {
	for _, character := range chunk {
		t.parser.Advance(character)
	}
}

// take returns the first match with its submatches, and forgets all up to its end; nil if there is none.
func (t text) take(expression *regexp.Regexp) []string {
	seen := t.seen.String()
	at := expression.FindStringIndex(seen)
	if at == nil {
		return nil
	}
	match := expression.FindStringSubmatch(seen)
	t.seen.Reset()
	t.seen.WriteString(seen[at[1]:])
	return match
}

// tail is the end of what was not taken, for messages.
func (t text) tail() string {
	const most = 400
	seen := t.seen.String()
	return seen[max(0, len(seen)-most):]
}

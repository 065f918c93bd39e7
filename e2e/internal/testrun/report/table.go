package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table is one of Markdown that is also lined up for a terminal.
type table struct {
	title  string
	header []string
	rows   [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write prints the table, or nothing when it has no rows.
func (t *table) write(out io.Writer) {
	if len(t.rows) == 0 {
		return
	}
	widths := make([]int, len(t.header))
	for _, row := range append([][]string{t.header}, t.rows...) {
		for column, cell := range row {
			widths[column] = max(widths[column], utf8.RuneCountInString(cell), 3)
		}
	}
	if t.title != "" {
		fmt.Fprintf(out, "\n%s:\n\n", t.title)
	}
	writeRow(out, t.header, widths)
	rule := make([]string, len(widths))
	for column, width := range widths {
		rule[column] = strings.Repeat("-", width)
	}
	writeRow(out, rule, widths)
	for _, row := range t.rows {
		writeRow(out, row, widths)
	}
}

func writeRow(out io.Writer, cells []string, widths []int) {
	var line strings.Builder
	for column, cell := range cells {
		fmt.Fprintf(&line, "| %-*s ", widths[column], cell)
	}
	fmt.Fprintln(out, line.String()+"|")
}

// duration is seconds for people: 12.3 s, or 2 min 5 s.
func duration(seconds float64) string {
	if seconds < 0 {
		return "-" + duration(-seconds)
	}
	if seconds < 59.95 {
		return fmt.Sprintf("%.1f s", seconds)
	}
	whole := int(seconds + 0.5)
	return fmt.Sprintf("%d min %02d s", whole/60, whole%60)
}

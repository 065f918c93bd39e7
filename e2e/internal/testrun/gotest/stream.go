package gotest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Printer shows events to a person while they come.
type Printer struct {
	Out io.Writer
	// Verbose shows each line of each test, as `go test -v` does. Otherwise only failed tests are shown, and a line of
	// each package with tests.
	Verbose bool

	held map[testKey]*strings.Builder
}

// Print shows one event.
func (p *Printer) Print(one Event) {
	key := testKey{one.Package, one.Test}
	switch {
	case one.Action == actionBuildOutput:
		fmt.Fprint(p.Out, one.Output)
	case one.Action == actionOutput && (p.Verbose || (one.Test == "" && !isNoise(one.Output))):
		fmt.Fprint(p.Out, one.Output)
	case p.Verbose || one.Test == "":
	case one.Action == actionOutput:
		if p.held == nil {
			p.held = map[testKey]*strings.Builder{}
		}
		if p.held[key] == nil {
			p.held[key] = &strings.Builder{}
		}
		p.held[key].WriteString(one.Output)
	case one.Action == actionFail:
		p.printFailed(key)
	case one.Action == actionPass, one.Action == actionSkip:
		delete(p.held, key)
	}
}

func (p *Printer) printFailed(key testKey) {
	output := p.held[key]
	if output == nil {
		return
	}
	for line := range strings.Lines(output.String()) {
		if !strings.HasPrefix(line, "=== ") {
			fmt.Fprint(p.Out, line)
		}
	}
	delete(p.held, key)
}

// isNoise is true for what a package prints that says nothing to whom its other lines are shown.
func isNoise(output string) bool {
	return output == "PASS\n" || output == "FAIL\n" || strings.HasSuffix(output, "[no test files]\n")
}

// Stream reads events until the end, shows them and collects them. Lines that are no events are shown as they are.
func Stream(input io.Reader, collector *Collector, printer *Printer) error {
	reader := bufio.NewReader(input)
	for {
		line, err := reader.ReadBytes('\n')
		if one, ok := ParseLine(line); ok {
			collector.Add(one)
			printer.Print(one)
		} else if len(line) > 0 {
			fmt.Fprint(printer.Out, string(line))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read what the tests print: %w", err)
		}
	}
}

package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/novasphere/wukong/e2e/internal/testrun/command"
	"github.com/novasphere/wukong/e2e/internal/testrun/suites"
)

// programs are the test programs of the suites, which are built once, while something else waits.
type programs struct {
	root   string
	builds map[string]*build
}

type build struct {
	done    chan struct{}
	err     error
	seconds float64
}

func newPrograms(root string) *programs { return &programs{root: root, builds: map[string]*build{}} }

func (p *programs) file(suite suites.Suite) string {
	return filepath.Join(p.root, "dist", "suites", suite.Name+".test")
}

// start begins to build those that are not built yet, one after the other: what they share is compiled once.
func (p *programs) start(ctx context.Context, wanted []suites.Suite, gently bool) {
	var missing []suites.Suite
	for _, suite := range wanted {
		if p.builds[suite.Name] == nil {
			p.builds[suite.Name] = &build{done: make(chan struct{})}
			missing = append(missing, suite)
		}
	}
	go func() {
		for _, suite := range missing {
			one := p.builds[suite.Name]
			start := time.Now()
			one.err = p.build(ctx, suite, gently)
			one.seconds = time.Since(start).Seconds()
			close(one.done)
		}
	}()
}

// build compiles one suite. Package patterns are as in the Makefile.
func (p *programs) build(ctx context.Context, suite suites.Suite, gently bool) error {
	var output bytes.Buffer
	err := command.Command{
		Arguments: []string{"go", "test", "-c", "-tags", "e2e", "-o", p.file(suite), suite.Package()},
		Folder:    p.root, Output: &output, Gently: gently,
	}.Run(ctx)
	if err != nil {
		return errors.Join(err, errors.New(strings.TrimSpace(output.String())))
	}
	return nil
}

// get waits for the program of a suite, and returns how long it took to build.
func (p *programs) get(ctx context.Context, suite suites.Suite) (file string, seconds float64, err error) {
	one := p.builds[suite.Name]
	select {
	case <-one.done:
	case <-ctx.Done():
		return "", 0, fmt.Errorf("build suite %s: %w", suite.Name, ctx.Err())
	}
	if one.err != nil {
		return "", one.seconds, fmt.Errorf("build suite %s: %w", suite.Name, one.err)
	}
	return p.file(suite), one.seconds, nil
}

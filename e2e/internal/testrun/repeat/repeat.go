package repeat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/novasphere/wukong/e2e/internal/testrun/command"
	"github.com/novasphere/wukong/e2e/internal/testrun/gotest"
	"github.com/novasphere/wukong/e2e/internal/testrun/runner"
	"github.com/novasphere/wukong/e2e/internal/testrun/suites"
)

// Options say what to repeat.
type Options struct {
	Root    string
	Suite   string
	Tests   string
	Count   int
	Busy    int
	Timeout time.Duration
}

// Check says what is wrong with the options.
func (o Options) Check() error {
	switch {
	case o.Tests == "":
		return errors.New("which tests? name them by TESTS, for instance TESTS='TestA|TestB'")
	case o.Count < 1:
		return fmt.Errorf("%d rounds are none; N is at least 1", o.Count)
	case o.Busy < 0:
		return fmt.Errorf("%d busy loops cannot be; BUSY is at least 0", o.Busy)
	}
	return nil
}

// Run repeats the tests, and returns runner.ErrFailed when a round failed.
func Run(ctx context.Context, options Options, out io.Writer) (err error) {
	if err := options.Check(); err != nil {
		return err
	}
	suite, err := find(options)
	if err != nil {
		return err
	}
	if suite.Needs != suites.NeedsNothing {
		program := filepath.Join(options.Root, "bin", "devcluster")
		if err := (command.Command{Arguments: []string{program, "status"}}).Run(ctx); err != nil {
			return fmt.Errorf("the dev cluster does not run: %w; "+
				"'make deploy DEVCLUSTER_FLAGS=--nodes=2' starts it with Wukong", err)
		}
	}
	folder := filepath.Join(options.Root, "dist", "repeat")
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o755)); err != nil {
		return fmt.Errorf("make a folder for the logs: %w", err)
	}
	program := filepath.Join(folder, suite.Name+".test")
	fmt.Fprintf(out, "=== build suite %s\n", suite.Name)
	build := command.Command{
		Arguments: []string{"go", "test", "-c", "-tags", "e2e", "-o", program, suite.Package()},
		Folder:    options.Root, Output: out,
	}
	if err := build.Run(ctx); err != nil {
		return err
	}
	end, err := startBusy(ctx, options.Busy)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	return repeat(ctx, options, suite, program, out)
}

func find(options Options) (suites.Suite, error) {
	all, err := suites.All(options.Root)
	if err != nil {
		return suites.Suite{}, err
	}
	chosen, err := suites.Choose(all, []string{options.Suite})
	if err != nil {
		return suites.Suite{}, err
	}
	return chosen[0], nil
}

func repeat(ctx context.Context, options Options, suite suites.Suite, program string, out io.Writer) error {
	var rounds []Round
	for number := 1; number <= options.Count && ctx.Err() == nil; number++ {
		fmt.Fprintf(out, "--- round %d of %d: ", number, options.Count)
		round, err := run(ctx, options, suite, program, number)
		if ctx.Err() != nil {
			fmt.Fprintln(out, "interrupted")
			break
		}
		if err != nil {
			return err
		}
		rounds = append(rounds, round)
		result := "passed"
		if !round.Passed {
			result = fmt.Sprintf("FAILED: %v, see %s", round.Failed, round.Log)
		}
		fmt.Fprintf(out, "%.1f s, %s\n", round.Seconds, result)
	}
	summary := Summarise(rounds)
	summary.print(out, rounds)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case summary.Failed > 0:
		return runner.ErrFailed
	}
	return nil
}

// run is one round. Its error is that it could not run at all.
func run(ctx context.Context, options Options, suite suites.Suite, program string, number int) (Round, error) {
	round := Round{Number: number, Log: filepath.Join(filepath.Dir(program), "round-"+strconv.Itoa(number)+".log")}
	log, err := os.Create(round.Log)
	if err != nil {
		return round, fmt.Errorf("write the log of a round: %w", err)
	}
	defer log.Close()
	one := runner.SuiteCommand(options.Root, suite, program, suite.Parallel, options.Timeout,
		[]string{"-test.run=" + options.Tests})
	one.Errors = log
	one.Environment = append(one.Environment, "WUKONG_TEST_DEPTH=whole")
	collector := gotest.NewCollector()
	start := time.Now()
	failed := one.Read(ctx, func(output io.Reader) error {
		return gotest.Stream(output, collector, &gotest.Printer{Out: log, Verbose: true})
	})
	round.Seconds = time.Since(start).Seconds()
	tests := collector.Tests()
	if len(tests) == 0 && failed == nil {
		return round, fmt.Errorf("suite %s has no test that %q names", suite.Name, options.Tests)
	}
	count := gotest.CountOf(collector.Packages(), tests)
	if failed == nil && count.Failed == 0 && count.Passed == 0 {
		return round, fmt.Errorf("all tests that %q names were skipped, see %s", options.Tests, round.Log)
	}
	for _, failure := range gotest.Failures(collector.Packages(), tests) {
		round.Failed = append(round.Failed, failure.Name)
	}
	round.Passed = failed == nil && count.Failed == 0
	return round, nil
}

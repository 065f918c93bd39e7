package runner

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/novasphere/wukong/e2e/internal/testrun/selection"
)

// The names of the layers, as people read them and as --layers takes them.
const (
	layerUnit         = "unit"
	layerControlPlane = "control plane"
	layerEndToEnd     = "end to end"
)

// LayerNames are what --layers takes.
var LayerNames = []string{"unit", "controlplane", "e2e"}

// Options say what to run.
type Options struct {
	// Root is the folder of the project.
	Root string
	// Depth is that of all suites, unless ChangedSince makes some whole.
	Depth selection.Depth
	// ChangedSince is a file with a commit: suites that test something that changed since then run whole. Empty for
	// none.
	ChangedSince string
	// Layers and Suites are what runs; all when empty.
	Layers, Suites []string
	// KeepCluster leaves a cluster running that was started for the tests.
	KeepCluster bool
	// Record is the file that takes the commit when all of it passed. Empty for none.
	Record string
	// Timeout ends a suite that does not end.
	Timeout time.Duration
	// Parallel is how many tests of a suite run at a time; 0 is as the suite has it.
	Parallel int
	// Arguments are more flags of `go test` for the suites, such as -run NAME.
	Arguments []string
	// Report is the file that takes the report.
	Report string
	// BudgetsCount makes the run fail when a suite needs more than its budget.
	BudgetsCount bool
}

// Check says what is wrong with the options.
func (o Options) Check() error {
	if o.Depth != selection.Essential && o.Depth != selection.Whole {
		return fmt.Errorf("--depth is %q; it is %q or %q", o.Depth, selection.Essential, selection.Whole)
	}
	for _, layer := range o.Layers {
		if !slices.Contains(LayerNames, layer) {
			return fmt.Errorf("no layer %q; there are %s", layer, strings.Join(LayerNames, ", "))
		}
	}
	if o.Record != "" && (o.Depth != selection.Whole || len(o.Layers)+len(o.Suites)+len(o.Arguments) > 0) {
		return fmt.Errorf("--record is for a run of everything: --depth=%s without --layers, --suites and flags for "+
			"go test", selection.Whole)
	}
	_, err := TestFlags(o.Arguments)
	return err
}

func (o Options) runs(layer string) bool {
	return len(o.Layers) == 0 || slices.Contains(o.Layers, layer)
}

// TestFlags turns flags of `go test` into those of a test program: -run NAME becomes -test.run NAME (`go help
// testflag`). What comes after -args stays.
func TestFlags(arguments []string) ([]string, error) {
	buildFlags := []string{"tags", "race", "cover", "ldflags", "gcflags", "mod", "o", "c", "exec", "json", "vet", "p"}
	var flags []string
	for index, argument := range arguments {
		name, isFlag := strings.CutPrefix(strings.Replace(argument, "--", "-", 1), "-")
		if !isFlag || name == "" {
			flags = append(flags, argument)
			continue
		}
		if name == "args" {
			return append(flags, arguments[index+1:]...), nil
		}
		plain, _, _ := strings.Cut(name, "=")
		if slices.Contains(buildFlags, plain) {
			return nil, fmt.Errorf("%s cannot be given to a suite, which is built already; "+
				"flags such as -run, -count, -failfast and -parallel can", argument)
		}
		flags = append(flags, "-test."+strings.TrimPrefix(name, "test."))
	}
	return flags, nil
}

// patienceVariable says to the tests by how much everything takes longer here than on the reference machine. Whoever
// sets it knows better.
const patienceVariable = "WUKONG_PATIENCE"

// patience is the factor that is given to the tests, as text.
func patience(factor float64) string {
	if given := os.Getenv(patienceVariable); given != "" {
		return given
	}
	return strconv.FormatFloat(max(1, factor), 'f', 2, 64)
}

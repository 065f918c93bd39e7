//go:build e2e

package networks

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/novasphere/wukong/e2e/internal/harness"
)

var cluster *harness.Cluster

// What takes how long. Guests may be emulated, on a machine that does other things too.
const (
	importAndBoot = 10 * time.Minute
	patience      = 90 * time.Second
)

func TestMain(m *testing.M) {
	var err error
	if cluster, err = harness.Connect(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

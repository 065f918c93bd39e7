//go:build e2e

package networks

import (
	"fmt"
	"os"
	"testing"

	"github.com/novasphere/wukong/e2e/internal/harness"
)

var cluster *harness.Cluster

const (
	importAndBoot = harness.ImportAndBoot
	patience      = harness.Patience
)

func TestMain(m *testing.M) {
	var err error
	if cluster, err = harness.Connect(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

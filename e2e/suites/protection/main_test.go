//go:build e2e

package protection

import (
	"os"
	"testing"

	"github.com/novasphere/wukong/e2e/internal/harness"
)

var cluster *harness.Cluster

const (
	importAndBoot = harness.ImportAndBoot
	patience      = harness.Patience
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m, &cluster)) }

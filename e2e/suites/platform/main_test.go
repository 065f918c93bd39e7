//go:build e2e

package platform

import (
	"os"
	"testing"

	"github.com/novasphere/wukong/e2e/internal/harness"
)

func TestMain(m *testing.M) {
	var connected *harness.Cluster
	os.Exit(harness.MainOfCluster(m, &connected))
}

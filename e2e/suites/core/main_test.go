//go:build e2e

package core

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

// What the dev cluster serves and has.
const (
	debianURL = "http://images.wukong-devcluster.svc/debian-trixie.qcow2"
	tinyURL   = "http://images.wukong-devcluster.svc/tiny.qcow2"
	lanBridge = "br-lan"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m, &cluster)) }

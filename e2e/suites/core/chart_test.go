//go:build e2e

package core

import (
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// helm runs the helm that 'make deploy' built.
func helm(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	// Also at the end of a test, when its own context has ended.
	output, err := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(testbed.Checkout(), "bin", "helm"), arguments...).CombinedOutput()
	return string(output), err
}

func render(t *testing.T, values ...string) string {
	t.Helper()
	arguments := []string{"template", "release", filepath.Join(testbed.Checkout(), "charts", "wukong"), "--namespace", "apart", "--kube-version", "1.33"}
	output, err := helm(t, append(arguments, values...)...)
	require.NoError(t, err, output)
	return output
}

var boundRole = regexp.MustCompile(`(?m)^  kind: ClusterRole\n  name: apart-release-wukong-(\S+)$`)

func boundRoles(manifest string) []string {
	var roles []string
	for _, match := range boundRole.FindAllStringSubmatch(manifest, -1) {
		roles = append(roles, match[1])
	}
	slices.Sort(roles)
	return roles
}

func TestChartGrantsWhatItRuns(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	assert.Equal(t, []string{"dependency", "metrics-auth", "wukong", "wukongaddress", "wukongdisk", "wukongexport", "wukongimage", "wukongnetwork", "wukongsnapshot", "wukongvm"}, boundRoles(render(t)))
	assert.Equal(t, []string{"dependency", "metrics-auth", "wukongdisk"}, boundRoles(render(t, "--set", "controllers={wukongdisk}")))
	assert.Equal(t, []string{"dependency", "wukongvm"}, boundRoles(render(t, "--set", "controllers={wukongvm}", "--set", "metrics.enabled=false")))
}

func TestChartRendersTheSameTwice(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	assert.Equal(t, render(t), render(t), "or Argo CD would never be in sync")
}

func TestChartRefusesUnknownValues(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	for _, value := range []string{"replica=3", "image.tags=x", "controllers={wukongdisks}"} {
		output, err := helm(t, "template", "release", filepath.Join(testbed.Checkout(), "charts", "wukong"), "--kube-version", "1.33", "--set", value)
		assert.Error(t, err, value)
		assert.Contains(t, output, "values don't meet the specifications", value)
	}
}

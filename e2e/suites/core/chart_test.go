//go:build e2e

package core

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/yaml"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// helm runs the helm that 'make deploy' built.
func helm(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	// Also at the end of a test, when its own context has ended.
	output, err := exec.CommandContext(context.WithoutCancel(t.Context()),
		filepath.Join(testbed.Checkout(), "bin", "helm"), arguments...).CombinedOutput()
	return string(output), err
}

func render(t *testing.T, values ...string) string {
	t.Helper()
	arguments := []string{"template", "release", filepath.Join(testbed.Checkout(), "charts", "wukong"), "--namespace",
		"apart", "--kube-version", "1.33"}
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
	generated, err := filepath.Glob(filepath.Join(testbed.Checkout(), "config", "rbac", "*.yaml"))
	require.NoError(t, err)
	expected := []string{"metrics-auth"}
	for _, path := range generated {
		expected = append(expected, strings.TrimSuffix(filepath.Base(path), ".yaml"))
	}
	assert.Contains(t, expected, "wukongvm")
	assert.ElementsMatch(t, expected, boundRoles(render(t)))
	assert.Equal(t, []string{"dependency", "metrics-auth", "wukongdisk"},
		boundRoles(render(t, "--set", "controllers={wukongdisk}")))
	assert.Equal(t, []string{"dependency", "wukongvm"},
		boundRoles(render(t, "--set", "controllers={wukongvm}", "--set", "metrics.enabled=false")))
}

func TestChartGrantsNamespacesWhatIsTheirs(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	assert.Equal(t, []string{
		"dependency", "finalizers", "metrics-auth", "wukongaddress", "wukongclone", "wukongdisk", "wukongmigration",
		"wukongnetwork", "wukongsnapshot", "wukongvm",
	},
		boundRoles(render(t, "--set", "namespaces={lab}")))
	assert.Equal(t, []string{"dependency"},
		boundRoles(render(t, "--set", "namespaces={lab}", "--set", "controllers={wukongexport}", "--set",
			"metrics.enabled=false")))
	output, err := helm(t, "template", "release", filepath.Join(testbed.Checkout(), "charts", "wukong"),
		"--kube-version", "1.33", "--set", "namespaces={lab}",
		"--set-json", `hostNetworks.permitted=[{"name":"all"}]`)
	require.Error(t, err)
	assert.Contains(t, output, "hostNetworks.permitted is for the whole cluster")
}

// What those who use no helm install is the same, but for the image, which their overlay adds.
func TestChartAndBaseLimitJobsAlike(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(testbed.Checkout(), "config", "default", "job_policy.yaml"))
	require.NoError(t, err)
	base, chart := jobPolicy(t, string(text)), jobPolicy(t, render(t))
	require.NotEmpty(t, chart.Spec.Validations)
	last := len(chart.Spec.Validations) - 1
	assert.Contains(t, chart.Spec.Validations[last].Expression, "variables.container.image == '")
	chart.Spec.Validations = chart.Spec.Validations[:last]
	assert.Equal(t, "request.userInfo.username == 'system:serviceaccount:apart:release-wukong'",
		chart.Spec.MatchConditions[0].Expression)
	base.Spec.MatchConditions = chart.Spec.MatchConditions
	assert.Equal(t, base.Spec, chart.Spec)
}

// jobPolicy is the policy for Jobs among the objects of a manifest.
func jobPolicy(t *testing.T, manifest string) *admissionv1.ValidatingAdmissionPolicy {
	t.Helper()
	for _, document := range strings.Split(manifest, "\n---\n") {
		policy := &admissionv1.ValidatingAdmissionPolicy{}
		if require.NoError(t, yaml.Unmarshal([]byte(document), policy)); policy.Kind == "ValidatingAdmissionPolicy" &&
			strings.HasSuffix(policy.Name, "-jobs") {
			return policy
		}
	}
	require.Fail(t, "no policy for Jobs")
	return nil
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
		output, err := helm(t, "template", "release", filepath.Join(testbed.Checkout(), "charts", "wukong"),
			"--kube-version", "1.33", "--set", value)
		assert.Error(t, err, value)
		assert.Contains(t, output, "values don't meet the specifications", value)
	}
}

// Fault C.8: the pods of exports are pulled as the manager is, and OpenShift gives the manager's pod a user.
func TestChartRunsWithAPrivateRegistryAndAnyUser(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	plain := render(t)
	assert.NotContains(t, plain, "--mover-image-pull-secrets")
	assert.Contains(t, plain, "runAsNonRoot: true")
	assert.NotContains(t, plain, "runAsUser: ", "the user is the image's, or the namespace's")
	private := render(t, "--set", "imagePullSecrets[0].name=registry,imagePullSecrets[1].name=mirror")
	assert.Contains(t, private, "--mover-image-pull-secrets=registry,mirror")
	output, err := helm(t, "template", "release", filepath.Join(testbed.Checkout(), "charts", "wukong"),
		"--kube-version", "1.33", "--set", "imagePullSecrets={registry}")
	require.Error(t, err)
	assert.Contains(t, output, "values don't meet the specifications")
}

// Fault B.7: the probe of the manager's pod sees passes that hang. It is asked before other tests kill managers beside
// it.
func TestTheProbeOfTheManagerSeesPassesThatHang(t *testing.T) {
	harness.Essential(t)
	pods, err := cluster.OperatorPods(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, pods)
	path := "/api/v1/namespaces/" + harness.OperatorNamespace + "/pods/" + pods[0].Name + ":8081/proxy/healthz?verbose"
	assert.Contains(t, harness.Kubectl(t).Run(t, "", "get", "--raw", path), "[+]not-hanging ok")
}

package harness

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// forwardPatience is how long kubectl may take to listen.
const forwardPatience = 30 * time.Second

var forwarding = regexp.MustCompile(`Forwarding from 127\.0\.0\.1:([0-9]+)`)

// PortForward forwards to a port of a Service until ctx ends, and returns the local port. It ends for good when
// the pod resets a connection, as a server does that answers before it has read all of a request (client-go
// tools/portforward, handleConnection).
func PortForward(
	ctx context.Context, t require.TestingT, namespace, service string, to int32,
) (port string) {
	ctx, cancel := context.WithCancel(ctx)
	command := exec.CommandContext(ctx, testbed.Here().Program("kubectl"), "--kubeconfig="+testbed.Kubeconfig(),
		"-n", namespace, "port-forward", "service/"+service, fmt.Sprintf(":%d", to))
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	hung := time.AfterFunc(forwardPatience, cancel)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if match := forwarding.FindStringSubmatch(lines.Text()); match != nil {
			hung.Stop()
			context.AfterFunc(ctx, func() { _ = command.Wait() })
			return match[1]
		}
	}
	cancel()
	require.FailNow(t, fmt.Sprintf("kubectl port-forward ended: %v", command.Wait()))
	return ""
}

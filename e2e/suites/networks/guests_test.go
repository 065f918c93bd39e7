//go:build e2e

package networks

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

const (
	// webPort is where the guests' web server listens, and otherPort where a second one does. They answer with the
	// guest's host name.
	webPort   = 8080
	otherPort = webPort + 1
	// guestData is the Secret with the guests' user data.
	guestData = "guest"
)

// userData makes guests with two web servers.
var userData = fmt.Sprintf(`#cloud-config
runcmd:
  - web %d %d
`, webPort, otherPort)

func guestSecret(namespace string) *corev1.Secret {
	return builder.Secret(namespace, guestData, map[string]string{"userdata": userData})
}

// guestVM is a machine with what userData brings.
func guestVM(namespace, name string, networks ...v1alpha1.VMNetwork) *v1alpha1.WukongVM {
	return builder.VM(namespace, name, harness.TinyDisk("root"), builder.Networks(networks...),
		builder.UserData(guestData, "userdata"))
}

// waitBooted waits until a guest has booted: it has its addresses and its web servers then. A machine is Running from
// the first moment of its guest.
func waitBooted(t *testing.T, vm *v1alpha1.WukongVM) {
	t.Helper()
	require.Equal(t, vm.Name, cluster.Ask(t, vm, "hostname"))
}

// waitPing waits until an address answers a guest, or does not any more.
func waitPing(t *testing.T, vm *v1alpha1.WukongVM, address string, answers bool) {
	t.Helper()
	waitConnection(t, vm, "ping -c 3 -i 0.3 -W 2 "+address, answers)
}

// waitConnects waits until a guest can open a connection, or cannot any more.
func waitConnects(t *testing.T, vm *v1alpha1.WukongVM, address string, port int, connects bool) {
	t.Helper()
	waitConnection(t, vm, fmt.Sprintf("connect %s %d 3", address, port), connects)
}

// waitConnection waits until a command in a guest succeeds, or until it fails.
func waitConnection(t *testing.T, vm *v1alpha1.WukongVM, command string, succeeds bool) {
	t.Helper()
	words := map[bool]string{true: "it answers", false: "silence"}
	guest := cluster.Shell(t, vm)
	defer guest.Close()
	guest.Until(t, harness.CauseNetwork,
		fmt.Sprintf("%s >/dev/null 2>&1 && echo %s || echo %s", command, words[true], words[false]), words[succeeds])
}

// change edits an object as a person does.
func change[T client.Object](t *testing.T, object T, edit func(T)) {
	t.Helper()
	harness.Change(t, cluster, object, edit)
}

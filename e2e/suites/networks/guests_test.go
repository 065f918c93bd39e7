//go:build e2e

package networks

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/console"
)

const (
	guestUser     = "alice"
	guestPassword = "correct horse"
)

// userData makes guests with a user, a web server that answers with the host's name, a meter of throughput, and DHCP on interfaces that come
// later, as most images have it.
const userData = `#cloud-config
users:
  - name: ` + guestUser + `
    plain_text_passwd: ` + guestPassword + `
    lock_passwd: false
    shell: /bin/bash
    sudo: ALL=(ALL) NOPASSWD:ALL
write_files:
  - path: /etc/systemd/network/99-any.network
    content: |
      [Match]
      Name=en*
      [Network]
      DHCP=ipv4
  - path: /usr/local/bin/meter
    permissions: "0755"
    content: |
      #!/usr/bin/python3
      # meter take|give [ADDRESS]: receives or sends for some seconds, with whoever connects or to an address. Who takes prints bits per second.
      import socket, sys, time
      if len(sys.argv) > 2:
          peer = socket.create_connection((sys.argv[2], 9000), timeout=20)
      else:
          server = socket.create_server(("", 9000))
          server.settimeout(600)
          peer, _ = server.accept()
      start, count = time.monotonic(), 0
      try:
          while time.monotonic() - start < 8:
              if sys.argv[1] == "give":
                  peer.sendall(bytes(65536))
              else:
                  got = peer.recv(65536)
                  if not got:
                      break
                  count += len(got)
      except OSError:
          pass
      if sys.argv[1] == "take":
          print(int(count * 8 / (time.monotonic() - start)))
runcmd:
  - networkctl reload
  - hostname > /srv/index.html
  - systemd-run --unit=web python3 -m http.server 8080 --directory /srv
`

func guestSecret(namespace string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "guest"}, StringData: map[string]string{"userdata": userData}}
}

// guestVM is a Debian machine with what userData brings.
func guestVM(namespace, name string, networks ...v1alpha1.VMNetwork) *v1alpha1.WukongVM {
	size := resource.MustParse("3Gi")
	return &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WukongVMSpec{
			Memory:                        v1alpha1.Memory{Guest: resource.MustParse("512Mi")},
			TerminationGracePeriodSeconds: new(int64),
			Disks: []v1alpha1.VMDisk{{Name: "root", Template: &v1alpha1.DiskTemplate{Spec: v1alpha1.WukongDiskSpec{
				Size: &size, Source: &v1alpha1.WukongDiskSource{HTTP: &v1alpha1.HTTPSource{URL: testbed.ImageURL(testbed.DebianImage)}},
			}}}},
			Networks:  networks,
			CloudInit: &v1alpha1.CloudInit{UserDataSecretRef: &v1alpha1.SecretKeyReference{Name: "guest", Key: "userdata"}},
		},
	}
}

// ask runs a command in a guest, in a session of its own: a migration ends those that are open.
func ask(t *testing.T, vm *v1alpha1.WukongVM, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), importAndBoot)
	defer cancel()
	guest, err := console.LogIn(ctx, cluster.Config, vm.Namespace, vm.Name, guestUser, guestPassword, os.Stderr)
	require.NoError(t, err)
	defer guest.Close()
	output, err := guest.Run(ctx, command)
	require.NoError(t, err)
	return output
}

// waitBooted waits until a guest has booted: it has its addresses then. A machine is Running from the first moment of its guest.
func waitBooted(t *testing.T, vm *v1alpha1.WukongVM) {
	t.Helper()
	require.Equal(t, vm.Name, ask(t, vm, "hostname"))
}

// waitPing waits until an address answers a guest, or does not any more.
func waitPing(t *testing.T, vm *v1alpha1.WukongVM, address string, wanted bool) {
	t.Helper()
	answers := map[bool]string{true: "answers", false: "silent"}
	var found string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Second) {
		found = ask(t, vm, "sudo ping -c 3 -i 0.3 -W 2 "+address+" >/dev/null 2>&1 && echo answers || echo silent")
		if strings.Contains(found, answers[wanted]) {
			return
		}
	}
	require.Equal(t, answers[wanted], found, "%s from %s", address, vm.Name)
}

// change edits an object as a person does.
func change[T client.Object](t *testing.T, object T, edit func(T)) {
	t.Helper()
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(object), object))
	before := object.DeepCopyObject().(T)
	edit(object)
	require.NoError(t, cluster.Patch(t.Context(), object, client.MergeFrom(before)))
}

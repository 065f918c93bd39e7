//go:build e2e

package core

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/console"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

const (
	guestUser     = "alice"
	guestPassword = "correct horse"
	staticAddress = "192.168.77.10"
	// guestKey is a public key whose private half does not exist.
	guestKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJnpU9tZ0n2DkP5Oe0HbT3q3GmVfUuN2pLr0VYJ0m0aB alice@example"
)

// debian is the machine of the main job: a root disk over HTTP, a data disk, the pod network, a bridge with a static address, a user.
func debian(namespace, name string, options ...func(*v1alpha1.WukongVM)) *v1alpha1.WukongVM {
	return wukongVM(namespace, name, append([]func(*v1alpha1.WukongVM){
		imported("root", "3Gi", testbed.ImageURL(testbed.DebianImage)), stamped("data", "1Gi"), pod, lan("office", staticAddress),
		func(vm *v1alpha1.WukongVM) {
			vm.Spec.CPU = v1alpha1.CPU{Cores: 2, Sockets: 1, Threads: 1}
			vm.Spec.Memory.Guest = resource.MustParse("512Mi")
			grace := int64(60)
			vm.Spec.TerminationGracePeriodSeconds = &grace
			vm.Spec.CloudInit = &v1alpha1.CloudInit{Users: []v1alpha1.CloudInitUser{{
				Name:              guestUser,
				PasswordSecretRef: &v1alpha1.SecretKeyReference{Name: "alice", Key: "password"},
				SSHAuthorizedKeys: []v1alpha1.SSHPublicKey{guestKey},
			}}}
		},
	}, options...)...)
}

// TestMainJob follows one machine through its life, so that the slow first boot is paid once.
func TestMainJob(t *testing.T) {
	namespace := cluster.Namespace(t)
	start := time.Now()
	application := &v1alpha1.Wukong{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"}}
	network := lanNetwork(namespace, "office")
	network.Spec.WukongRef = &v1alpha1.LocalObjectReference{Name: "shop"}
	vm := debian(namespace, "web", partOf("shop"))
	create(t, secret(namespace, "alice", map[string]string{"password": guestPassword}), network, vm, application)

	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	t.Logf("create to Ready: %s", time.Since(start).Round(time.Second))
	writes, err := harness.OperatorWrites(start, namespace)
	require.NoError(t, err)
	t.Logf("%d writes of the operator from create to Ready, for a machine with two disks, a bridge network, and an umbrella:", len(writes))
	for _, write := range writes {
		t.Logf("  %s", write)
		assert.NotEqual(t, "update", write.Verb)
	}

	guest := login(t, vm)
	t.Run("TheGuestIsWhatTheManifestSays", func(t *testing.T) { checkGuest(t, guest, vm) })
	t.Run("StatusSaysWhatTheGuestHas", func(t *testing.T) { checkStatus(t, vm) })
	t.Run("TheUmbrellaIsReady", func(t *testing.T) {
		cluster.WaitReady(t, application, metav1.ConditionTrue, "", patience)
		assert.Equal(t, v1alpha1.PhaseRunning, application.Status.Phase)
	})
	t.Run("AppliedAgainNothingIsWritten", func(t *testing.T) { checkNoDrift(t, namespace, vm) })

	run(t, guest, "echo kept-by-the-disk | sudo tee /root/mark && sync")
	require.NoError(t, guest.Close())
	before := vm.DeepCopy()
	t.Run("StoppedSaysStopped", func(t *testing.T) {
		patch(t, vm, `{"spec":{"powerState":"Stopped"}}`)
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped, patience)
		assert.Equal(t, v1alpha1.PhaseStopped, vm.Status.Phase)
		assert.Empty(t, vm.Status.NodeName)
		assert.Empty(t, vm.Status.PrimaryAddress)
	})
	t.Run("RunningStartsTheSameMachine", func(t *testing.T) {
		patch(t, vm, `{"spec":{"powerState":"Running"}}`)
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
		guest := login(t, vm)
		defer guest.Close()
		assert.Equal(t, "kept-by-the-disk", run(t, guest, "sudo cat /root/mark"))
		for i, nic := range before.Status.Networks {
			assert.Contains(t, run(t, guest, "cat /sys/class/net/*/address"), nic.MACAddress)
			assert.Equal(t, nic.MACAddress, vm.Status.Networks[i].MACAddress)
		}
		assert.Equal(t, string(vm.UID), strings.ToLower(run(t, guest, "sudo cat /sys/class/dmi/id/product_uuid")))
		assert.Equal(t, before.Status.Disks[0].ClaimName, vm.Status.Disks[0].ClaimName)
	})
	t.Run("DeletingTheUmbrellaRemovesItsChildren", func(t *testing.T) {
		require.NoError(t, cluster.Delete(t.Context(), application))
		cluster.NothingLeft(t, namespace, patience)
	})
}

func login(t *testing.T, vm *v1alpha1.WukongVM) *console.Console {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), importAndBoot)
	defer cancel()
	guest, err := console.LogIn(ctx, cluster.Config, vm.Namespace, vm.Name, guestUser, guestPassword, os.Stderr)
	require.NoError(t, err)
	return guest
}

func run(t *testing.T, guest *console.Console, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	output, err := guest.Run(ctx, command)
	require.NoError(t, err)
	return output
}

func checkGuest(t *testing.T, guest *console.Console, vm *v1alpha1.WukongVM) {
	assert.Equal(t, "web", run(t, guest, "hostname"))
	assert.Equal(t, guestUser, run(t, guest, "whoami"))
	assert.Equal(t, "root", run(t, guest, "sudo -n whoami"), "sudo without a password")
	assert.Contains(t, run(t, guest, "cat ~/.ssh/authorized_keys"), guestKey)
	assert.NotContains(t, run(t, guest, "sudo cat /root/.ssh/authorized_keys || true"), "ssh-ed25519", "B15: the key is the user's alone")
	assert.Equal(t, "2", run(t, guest, "nproc"))

	sizes := run(t, guest, "lsblk -bdno SERIAL,SIZE | awk '$1 {print $1, $2}' | sort")
	assert.Contains(t, sizes, "data 1073741824")
	assert.Contains(t, sizes, "root 3221225472")

	addresses := run(t, guest, "ip -4 -o address show | awk '{print $4}'")
	assert.Contains(t, addresses, staticAddress+"/24")
	assert.Contains(t, addresses, "10.0.2.2/24", "KubeVirt's masquerading gives the guest this address by DHCP")
	assert.Contains(t, run(t, guest, "ip route show default"), "10.0.2.1")
	macs := run(t, guest, "cat /sys/class/net/*/address")
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(vm), vm))
	for _, nic := range vm.Status.Networks {
		assert.Contains(t, macs, nic.MACAddress)
	}
}

func checkStatus(t *testing.T, vm *v1alpha1.WukongVM) {
	cluster.Wait(t, vm, patience, "connected to the guest agent, with both addresses", func() bool {
		return meta.IsStatusConditionTrue(vm.Status.Conditions, v1alpha1.ConditionGuestAgentConnected) &&
			len(vm.Status.Networks) == 2 && assert.ObjectsAreEqual(true, contains(vm.Status.Networks[1].Addresses, staticAddress))
	})
	assert.NotEmpty(t, vm.Status.NodeName)
	assert.NotEmpty(t, vm.Status.PrimaryAddress)
	assert.NotEmpty(t, vm.Status.Networks[0].Addresses)
	require.Len(t, vm.Status.Disks, 2)
	for _, disk := range vm.Status.Disks {
		assert.Equal(t, "web-"+disk.Name, disk.ClaimName)
		require.NotNil(t, disk.Capacity)
		assert.Positive(t, disk.Capacity.Value())
		assert.Equal(t, v1alpha1.DiskReady, disk.Phase)
	}
	assert.True(t, meta.IsStatusConditionTrue(vm.Status.Conditions, v1alpha1.ConditionLiveMigratable), "%+v", vm.Status.Conditions)
	checkFileSystems(t, vm)
}

// checkFileSystems waits for what the guest agent reports last: the file systems, every few minutes at most.
func checkFileSystems(t *testing.T, vm *v1alpha1.WukongVM) {
	cluster.Wait(t, vm, importAndBoot, "told of the guest's file systems", func() bool {
		return vm.Status.Guest != nil && len(vm.Status.Guest.FileSystems) > 0
	})
	root := vm.Status.Guest.FileSystems[0]
	assert.Equal(t, "/", root.MountPoint)
	assert.Equal(t, "ext4", root.Type)
	assert.Equal(t, []string{"root"}, root.Disks)
	require.NotNil(t, root.Capacity)
	assert.Greater(t, root.Capacity.Value(), int64(2<<30), "cloud-init grew it to the 3 GiB of the disk")
}

func contains(list []string, one string) bool {
	for _, item := range list {
		if item == one {
			return true
		}
	}
	return false
}

// checkNoDrift is contracts 1 and 3: the same manifest applied again and a restarted manager change nothing.
func checkNoDrift(t *testing.T, namespace string, vm *v1alpha1.WukongVM) {
	manifest := v1alpha1.WukongVM{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongVM"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: vm.Name},
		Spec:       debian(namespace, vm.Name, partOf("shop")).Spec,
	}
	text, err := json.Marshal(map[string]any{"apiVersion": manifest.APIVersion, "kind": manifest.Kind,
		"metadata": map[string]any{"namespace": namespace, "name": vm.Name}, "spec": manifest.Spec})
	require.NoError(t, err)
	kubectl := harness.Kubectl(t)
	kubectl.Run(t, string(text), "apply", "--server-side", "--force-conflicts", "-f", "-")
	generation := read(t, vm).Generation

	cluster.Drain(t)
	settled := time.Now()
	kubectl.Run(t, string(text), "apply", "--server-side", "--force-conflicts", "-f", "-")
	assert.Empty(t, kubectl.Run(t, string(text), "diff", "--server-side", "--force-conflicts", "-f", "-"), "kubectl diff is empty")
	assert.Equal(t, generation, read(t, vm).Generation)
	cluster.RestartOperator(t)

	// The restarted manager has looked at everything when it has made a new network ready.
	probe := lanNetwork(namespace, "probe")
	create(t, probe)
	cluster.WaitReady(t, probe, metav1.ConditionTrue, "", patience)
	writes, err := harness.OperatorWrites(settled, "")
	require.NoError(t, err)
	for _, write := range writes {
		assert.Equal(t, "probe", write.Name, "the restarted manager wrote: %s", write)
	}
	require.NoError(t, cluster.Delete(t.Context(), probe))
}

func read(t *testing.T, vm *v1alpha1.WukongVM) *v1alpha1.WukongVM {
	t.Helper()
	current := &v1alpha1.WukongVM{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(vm), current))
	return current
}

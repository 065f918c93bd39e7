//go:build e2e

package networks

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// migration is how long an interface may take to come or go: KubeVirt waits whether somebody else plugs it, and then
// moves the machine.
const migration = 15 * time.Minute

// waitInterface waits until an interface of a machine is attached by another attachment than before, and has an address
// that the guest reports.
func waitInterface(t *testing.T, vm *v1alpha1.WukongVM, name, before, address string) string {
	t.Helper()
	attachment := ""
	cluster.WaitFor(t, harness.CauseMigration, vm, migration, "attached to "+name+" with "+address, func() bool {
		for _, nic := range vm.Status.Networks {
			if nic.Name == name && nic.State == v1alpha1.VMNetworkAttached && nic.Attachment != before {
				attachment = nic.Attachment
				for _, found := range nic.AddressSources {
					if found.Address == address && found.Source == v1alpha1.VMAddressAgent {
						return true
					}
				}
			}
		}
		return false
	})
	return attachment
}

// TestInterfacesUnderARunningGuest: one comes with its address, is pulled out and put in, is limited, and goes; the
// guest never stops.
func TestInterfacesUnderARunningGuest(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	const here, there = "10.66.0.1", "10.66.0.2"
	one := guestVM(namespace, "one", builder.PodInterface("pod"))
	two := guestVM(namespace, "two", builder.Interface("lan", "lan", there))
	lanNetwork := builder.Network(namespace, "lan", builder.OnBridge(testbed.LANBridge), builder.Subnet("10.66.0.0/24"))
	cluster.Make(t, guestSecret(namespace), lanNetwork, one, two)
	for _, vm := range []*v1alpha1.WukongVM{one, two} {
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	}
	boot := cluster.Ask(t, one, "cat /proc/sys/kernel/random/boot_id")
	lan := builder.Interface("lan", "lan", here)
	lan.AddressDelivery = v1alpha1.DeliverByDHCP
	put := func(networks ...v1alpha1.VMNetwork) {
		change(t, one, func(vm *v1alpha1.WukongVM) { vm.Spec.Networks = append(vm.Spec.Networks[:1:1], networks...) })
	}

	attachment := ""
	t.Run("OneComesWithItsAddress", func(t *testing.T) {
		start := time.Now()
		put(lan)
		attachment = waitInterface(t, one, "lan", "", here)
		t.Logf("plugged in after %s", time.Since(start).Round(time.Second))
		waitPing(t, one, there, true)
	})
	t.Run("TheCableIsPulledOutAndPutIn", func(t *testing.T) {
		down := lan
		down.LinkState = v1alpha1.LinkDown
		put(down)
		waitPing(t, one, there, false)
		put(lan)
		waitPing(t, one, there, true)
	})
	t.Run("ALimitIsKept", func(t *testing.T) {
		limited := lan
		limited.Bandwidth = &v1alpha1.Bandwidth{Ingress: ptr.To(limit), Egress: ptr.To(limit)}
		put(limited)
		start := time.Now()
		waitInterface(t, one, "lan", attachment, here)
		t.Logf("exchanged after %s", time.Since(start).Round(time.Second))
		waitPing(t, one, there, true)
		cluster.Ask(t, two, "meter take >/tmp/taken 2>&1 & sleep 1")
		cluster.Ask(t, one, "meter give "+there)
		assertRate(t, "egress", cluster.Ask(t, two, "sleep 2; cat /tmp/taken"))
		cluster.Ask(t, two, "meter give >/dev/null 2>&1 & sleep 1")
		assertRate(t, "ingress", cluster.Ask(t, one, "meter take "+there))
	})
	t.Run("ItGoes", func(t *testing.T) {
		put()
		cluster.WaitFor(t, harness.CauseMigration, one, migration, "without the interface",
			func() bool { return len(one.Status.Networks) == 1 })
		assert.Equal(t, "1", cluster.Ask(t, one, "ls -d /sys/class/net/*/device | wc -l"))
		harness.Until(t, harness.CauseDeletion, patience, "only the network's own attachment is left",
			func(ctx context.Context) string {
				list := &networkv1.NetworkAttachmentDefinitionList{}
				if err := cluster.List(ctx, list, client.InNamespace(namespace)); err != nil {
					return err.Error()
				}
				if len(list.Items) != 1 {
					return fmt.Sprintf("there are %d", len(list.Items))
				}
				return ""
			})
	})

	assert.Equal(t, boot, cluster.Ask(t, one, "cat /proc/sys/kernel/random/boot_id"), "the guest never stopped")
	machine := &kubevirtv1.VirtualMachine{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(one), machine))
	for _, condition := range machine.Status.Conditions {
		assert.False(t, condition.Type == kubevirtv1.VirtualMachineRestartRequired &&
			condition.Status == corev1.ConditionTrue, condition.Message)
	}
	cluster.WaitReady(t, one, metav1.ConditionTrue, v1alpha1.ReasonRunning, patience)
	assert.Nil(t, meta.FindStatusCondition(one.Status.Conditions, v1alpha1.ConditionRestartRequired))
}

// limit is in bits per second: half of what an emulated guest moves beside programs that keep the processors of its
// host busy, so that it is the limit which is measured.
var limit = resource.MustParse("3M")

// assertRate: the limit within 20 %.
func assertRate(t *testing.T, direction, printed string) {
	t.Helper()
	rate, err := strconv.ParseFloat(strings.TrimSpace(printed), 64)
	require.NoError(t, err, printed)
	t.Logf("%s: %.2f Mbit/s", direction, rate/1e6)
	assert.InEpsilon(t, limit.AsApproximateFloat64(), rate, 0.2, direction)
}

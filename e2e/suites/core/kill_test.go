//go:build e2e

package core

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// kills is how often the manager is killed while the machines are made.
const kills = 5

// TestManagerKilledAtRandomMoments: ten machines are made while the manager dies again and again. All run in the end, and each exists
// once. The seed is printed; WUKONG_SEED repeats a run.
func TestManagerKilledAtRandomMoments(t *testing.T) {
	namespace := cluster.Namespace(t)
	random := seeded(t)
	ctx, cancel := context.WithCancel(t.Context())
	killed := make(chan int)
	go func() {
		count := 0
		for count < kills && ctx.Err() == nil {
			time.Sleep(time.Duration(500+random.IntN(4000)) * time.Millisecond)
			count += cluster.KillOperator(t)
		}
		killed <- count
	}()
	var vms []*v1alpha1.WukongVM
	for number := range 10 {
		vm := wukongVM(namespace, fmt.Sprintf("vm%d", number), imported("root", "64Mi", tinyURL), func(vm *v1alpha1.WukongVM) {
			vm.Spec.Memory.Guest.Set(96 << 20)
		})
		create(t, vm)
		vms = append(vms, vm)
		time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
	}
	assert.Equal(t, kills, <-killed, "the manager was killed")
	cancel()
	for _, vm := range vms {
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	}
	assertCount(t, namespace, 10)
}

// assertCount checks that there is one of everything for each machine, under its own name.
func assertCount(t *testing.T, namespace string, machines int) {
	t.Helper()
	disks, volumes, claims := &v1alpha1.WukongDiskList{}, &cdiv1.DataVolumeList{}, &corev1.PersistentVolumeClaimList{}
	virtualMachines, instances := &kubevirtv1.VirtualMachineList{}, &kubevirtv1.VirtualMachineInstanceList{}
	for _, list := range []client.ObjectList{disks, volumes, claims, virtualMachines, instances} {
		require.NoError(t, cluster.List(t.Context(), list, client.InNamespace(namespace)))
	}
	assert.Len(t, disks.Items, machines)
	assert.Len(t, volumes.Items, machines)
	assert.Len(t, claims.Items, machines)
	assert.Len(t, virtualMachines.Items, machines)
	assert.Len(t, instances.Items, machines)
	addresses := map[string]string{}
	for i := range virtualMachines.Items {
		machine := &virtualMachines.Items[i]
		address := machine.Spec.Template.Spec.Domain.Devices.Interfaces[0].MacAddress
		assert.Empty(t, addresses[address], "%s and %s have the same hardware address", machine.Name, addresses[address])
		addresses[address] = machine.Name
		assert.Equal(t, int64(1), machine.Generation, "VirtualMachine %s was written once", machine.Name)
	}
}

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("WUKONG_SEED"); text != "" {
		_, err := fmt.Sscan(text, &seed)
		require.NoError(t, err)
	}
	t.Logf("seed: WUKONG_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

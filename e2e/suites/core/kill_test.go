//go:build e2e

package core

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// kills is how often the manager is killed while the machines are made.
const kills = 5

// TestManagerKilledAtRandomMoments: ten machines are made while the manager dies again and again. All run in the end,
// and each exists once. The seed is printed; WUKONG_SEED repeats a run.
func TestManagerKilledAtRandomMoments(t *testing.T) {
	harness.Thorough(t)
	namespace := cluster.Namespace(t)
	random := seeded(t)
	ctx, cancel := context.WithTimeout(t.Context(), harness.Scaled(importAndBoot))
	defer cancel()
	killed := make(chan int, 1)
	until := seeded(t) // of its own: two goroutines would take turns in no order
	go func() {
		count := 0
		for count < kills && ctx.Err() == nil {
			time.Sleep(time.Duration(500+until.IntN(4000)) * time.Millisecond)
			count += cluster.KillOperator(t)
		}
		killed <- count
	}()
	var vms []*v1alpha1.WukongVM
	for number := range 10 {
		vm := builder.VM(namespace, fmt.Sprintf("vm%d", number), harness.TinyDisk("root"))
		cluster.Make(t, vm)
		vms = append(vms, vm)
		time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
	}
	assert.Equal(t, kills, <-killed, "the manager was killed")
	cancel()
	for _, vm := range vms {
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	}
	assertCount(t, namespace, vms)
}

// assertCount checks that there is one of everything for each machine, under its own name.
func assertCount(t *testing.T, namespace string, vms []*v1alpha1.WukongVM) {
	t.Helper()
	var machineNames, diskNames []string
	for _, vm := range vms {
		machineNames, diskNames = append(machineNames, vm.Name), append(diskNames, vm.Name+"-root")
	}
	virtualMachines := &kubevirtv1.VirtualMachineList{}
	assert.ElementsMatch(t, diskNames, names(t, namespace, &v1alpha1.WukongDiskList{}))
	assert.ElementsMatch(t, diskNames, names(t, namespace, &cdiv1.DataVolumeList{}))
	assert.ElementsMatch(t, diskNames, names(t, namespace, &corev1.PersistentVolumeClaimList{}))
	assert.ElementsMatch(t, machineNames, names(t, namespace, virtualMachines))
	assert.ElementsMatch(t, machineNames, names(t, namespace, &kubevirtv1.VirtualMachineInstanceList{}))
	addresses := map[string]string{}
	for i := range virtualMachines.Items {
		machine := &virtualMachines.Items[i]
		address := machine.Spec.Template.Spec.Domain.Devices.Interfaces[0].MacAddress
		assert.Empty(t, addresses[address], "%s and %s have the same hardware address", machine.Name,
			addresses[address])
		addresses[address] = machine.Name
		assert.Equal(t, int64(1), machine.Generation, "VirtualMachine %s was written once", machine.Name)
	}
}

// cdiClaimPrefix begins the names of the claims that CDI imports into and takes away a moment after it is done
// (pkg/controller/populators).
const cdiClaimPrefix = "prime-"

func names(t *testing.T, namespace string, list client.ObjectList) []string {
	t.Helper()
	require.NoError(t, cluster.List(t.Context(), list, client.InNamespace(namespace)))
	var result []string
	require.NoError(t, meta.EachListItem(list, func(item runtime.Object) error {
		if name := item.(client.Object).GetName(); !strings.HasPrefix(name, cdiClaimPrefix) {
			result = append(result, name)
		}
		return nil
	}))
	return result
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

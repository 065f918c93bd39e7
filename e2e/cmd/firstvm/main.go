// Command firstvm ends 'make up': it applies a manifest with a WukongVM, waits until the machine runs and the guest
// asks for a login, shows the guest's console and addresses, and says how a person gets in.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/console"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

const (
	readyPatience = 10 * time.Minute
	loginPatience = 5 * time.Minute
	agentPatience = 2 * time.Minute
)

func main() {
	manifest := flag.String("manifest", "", "file with a WukongVM")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *manifest); err != nil {
		fmt.Fprintln(os.Stderr, "firstvm:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, path string) error {
	cluster, err := harness.Connect()
	if err != nil {
		return err
	}
	objects, err := harness.ReadManifest(path)
	if err != nil {
		return err
	}
	var machine *unstructured.Unstructured
	for _, object := range objects {
		if err := cluster.Apply(
			ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("kubectl"), client.ForceOwnership,
		); err != nil {
			return fmt.Errorf("apply %s %s: %w", object.GetKind(), object.GetName(), err)
		}
		fmt.Printf("%s %s/%s applied\n", object.GetKind(), object.GetNamespace(), object.GetName())
		if object.GetKind() == "WukongVM" {
			machine = object
		}
	}
	if machine == nil {
		return fmt.Errorf("%s has no WukongVM", path)
	}
	vm := &v1alpha1.WukongVM{}
	vm.Namespace, vm.Name = machine.GetNamespace(), machine.GetName()
	if err := waitReady(ctx, cluster, vm); err != nil {
		return err
	}
	if err := showConsole(ctx, cluster, vm); err != nil {
		return err
	}
	if err := showAddresses(ctx, cluster, vm); err != nil {
		return err
	}
	fmt.Print(entrances(testbed.Here(), vm))
	return nil
}

// waitReady prints each change of phase and cause.
func waitReady(ctx context.Context, cluster *harness.Cluster, vm *v1alpha1.WukongVM) error {
	start, last := time.Now(), ""
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		if err := cluster.Get(ctx, client.ObjectKeyFromObject(vm), vm); err != nil {
			return false, err
		}
		ready := model.Ready(vm)
		if now := fmt.Sprintf("%s: %s %s", vm.Status.Phase, ready.Reason, ready.Message); now != last {
			fmt.Printf("%6s  %s\n", time.Since(start).Round(time.Second), now)
			last = now
		}
		return ready.Status == metav1.ConditionTrue, nil
	})
	if err != nil {
		return fmt.Errorf("WukongVM %s is not ready after %s: %s", vm.Name, time.Since(start).Round(time.Second), last)
	}
	return nil
}

// showConsole copies what the guest prints until it asks for a login.
func showConsole(ctx context.Context, cluster *harness.Cluster, vm *v1alpha1.WukongVM) error {
	fmt.Printf("\n--- console of %s\n", vm.Name)
	ctx, cancel := context.WithTimeout(ctx, loginPatience)
	defer cancel()
	guest, err := console.Reach(ctx, cluster.Config, vm.Namespace, vm.Name, os.Stdout,
		func(ctx context.Context, guest *console.Console) error {
			_, err := guest.Prod(ctx, regexp.MustCompile(`login: $`))
			return err
		})
	if err != nil {
		return err
	}
	fmt.Print("\n---\n\n")
	return guest.Close()
}

// showAddresses waits for the guest agent, which tells the addresses of all interfaces.
func showAddresses(ctx context.Context, cluster *harness.Cluster, vm *v1alpha1.WukongVM) error {
	ctx, cancel := context.WithTimeout(ctx, agentPatience)
	defer cancel()
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		if err := cluster.Get(ctx, client.ObjectKeyFromObject(vm), vm); err != nil {
			return false, err
		}
		return meta.IsStatusConditionTrue(vm.Status.Conditions, v1alpha1.ConditionGuestAgentConnected), nil
	})
	if err != nil {
		fmt.Println("the guest agent does not answer; addresses are what KubeVirt knows without it")
	}
	fmt.Printf("WukongVM %s/%s runs on %s\n", vm.Namespace, vm.Name, vm.Status.NodeName)
	for _, network := range vm.Status.Networks {
		fmt.Printf("  %-10s %s  %v\n", network.Name, network.MACAddress, network.Addresses)
	}
	fmt.Printf("  IP: %s\n", vm.Status.PrimaryAddress)
	return nil
}

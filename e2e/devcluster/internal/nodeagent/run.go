// Package nodeagent runs the stand-ins that work on a node of the dev cluster, each a program of e2e/devcluster/cmd in
// a DaemonSet.
package nodeagent

import (
	"fmt"
	"os"

	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// Run runs a manager with the types of schemes until the process is told to end, and exits with 1 on an error.
// NODE_NAME names the node that setup is told.
func Run(name string, setup func(manager ctrl.Manager, node string) error, schemes ...func(*runtime.Scheme) error) {
	if err := run(setup, schemes); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %s\n", name, err)
		os.Exit(1)
	}
}

func run(setup func(ctrl.Manager, string) error, schemes []func(*runtime.Scheme) error) error {
	ctrl.SetLogger(funcr.New(func(_, line string) { fmt.Fprintln(os.Stderr, line) }, funcr.Options{LogTimestamp: true}))
	scheme := runtime.NewScheme()
	for _, add := range schemes {
		if err := add(scheme); err != nil {
			return err
		}
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	manager, err := ctrl.NewManager(config,
		ctrl.Options{Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}})
	if err != nil {
		return err
	}
	if err := setup(manager, os.Getenv("NODE_NAME")); err != nil {
		return err
	}
	return manager.Start(ctrl.SetupSignalHandler())
}

// Command nmstate-standin does on a node of the dev cluster what NMState's handler does elsewhere; see package nmstatestandin.
package main

import (
	"fmt"
	"os"

	"github.com/go-logr/logr/funcr"
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/novasphere/wukong/e2e/devcluster/internal/nmstatestandin"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "nmstate-standin:", err)
		os.Exit(1)
	}
}

func run() error {
	ctrl.SetLogger(funcr.New(func(_, line string) { fmt.Fprintln(os.Stderr, line) }, funcr.Options{LogTimestamp: true}))
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, nmstatev1.AddToScheme, nmstatev1beta1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	manager, err := ctrl.NewManager(config, ctrl.Options{Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}})
	if err != nil {
		return err
	}
	handler := &nmstatestandin.Handler{Client: manager.GetClient(), Node: os.Getenv("NODE_NAME")}
	if err := handler.SetupWithManager(manager); err != nil {
		return err
	}
	return manager.Start(ctrl.SetupSignalHandler())
}

package testenv

import (
	"context"
	"time"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/novasphere/wukong/controllers"
	"github.com/novasphere/wukong/controllers/internal/simulator"
)

// StartSimulator simulates KubeVirt and CDI until stop is called, also for unmanaged VirtualMachines.
func (e *Environment) StartSimulator() (stop func() error, err error) {
	return StartManager(SimulatorConfig(e.Config), SimulatorOptions(), simulator.Setup)
}

// SimulatorConfig returns how the simulator connects. Its user agent identifies its requests in an audit log.
func SimulatorConfig(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.UserAgent = "simulator"
	return config
}

// SimulatorOptions returns the options of the simulator's manager.
func SimulatorOptions() ctrl.Options {
	options, err := controllers.ManagerOptions(nil, 8, nil)
	utilruntime.Must(err)
	options.Cache.ByObject = nil
	return options
}

// StartManager runs a manager in this process, beside others, until stop is called. Stop returns the manager's error,
// and may be called once.
func StartManager(
	config *rest.Config, options ctrl.Options, setup func(context.Context, ctrl.Manager) error,
) (stop func() error, err error) {
	options.Metrics.BindAddress = "0"
	options.Controller.SkipNameValidation = ptr.To(true)
	options.GracefulShutdownTimeout = ptr.To(10 * time.Second)
	manager, err := ctrl.NewManager(config, options)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := setup(ctx, manager); err != nil {
		cancel()
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}, nil
}

package testenv

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/novasphere/wukong/controllers"
	"github.com/novasphere/wukong/controllers/internal/simulator"
)

// Simulate plays KubeVirt and CDI until the test ends.
func (e *Environment) Simulate(tb testing.TB) {
	tb.Helper()
	stop, err := e.startSimulator()
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, stop()) })
}

func (e *Environment) startSimulator() (stop func() error, err error) {
	config := rest.CopyConfig(e.Config)
	config.UserAgent = "simulator"
	options := controllers.ManagerOptions(8)
	options.Metrics = metricsserver.Options{BindAddress: "0"}
	options.Controller.SkipNameValidation = ptr.To(true)
	options.GracefulShutdownTimeout = ptr.To(10 * time.Second)
	options.Cache.ByObject = nil
	manager, err := ctrl.NewManager(config, options)
	if err != nil {
		return nil, err
	}
	if err := simulator.Setup(manager); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	return func() error { cancel(); return <-ended }, nil
}

package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/novasphere/wukong/controllers"
	"github.com/novasphere/wukong/controllers/wukongvm"
	"github.com/novasphere/wukong/mover"
)

// version is set by the linker.
var version = "devel"

// leaderElectionID is the Lease for which managers of one namespace compete. Managers that run different controllers
// need different ones: see leaseName.
const leaderElectionID = "wukong.novasphere.dev"

type options struct {
	controllers          []string
	namespaces           []string
	metricsAddress       string
	metricsInsecure      bool
	probeAddress         string
	pprofAddress         string
	leaderElection       bool
	leaderElectionPrefix string
	concurrency          int
	moverPods            controllers.Mover
	enforcement          string
	gracefulShutdown     time.Duration
}

func newCommand() *cobra.Command {
	var opts options
	logging := zap.Options{}
	command := &cobra.Command{
		Use:           "manager",
		Short:         "Run the controllers of Wukong, virtual machines on KubeVirt",
		Version:       version,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: false,
		RunE: func(command *cobra.Command, _ []string) error {
			ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging)))
			return run(command.Context(), opts)
		},
	}
	flags := command.Flags()
	flags.StringSliceVar(&opts.controllers, "controllers", []string{"*"},
		"controllers to run, of "+strings.Join(controllers.Names(), ", ")+"; * for all")
	flags.StringSliceVar(&opts.namespaces, "namespaces", nil,
		"namespaces to work in, and to need rights in; none for all. Node bridges (bridge.managed) need a manager "+
			"of all namespaces")
	flags.StringVar(&opts.metricsAddress, "metrics-bind-address", ":8443",
		"address of the metrics endpoint, 0 for none")
	flags.BoolVar(&opts.metricsInsecure, "metrics-insecure", false, "serve metrics by HTTP and without authorization")
	flags.StringVar(&opts.probeAddress, "health-probe-bind-address", ":8081",
		"address of /healthz and /readyz, 0 for none")
	flags.StringVar(&opts.pprofAddress, "pprof-bind-address", "",
		"address of Go's profiles below /debug/pprof/, without authorization; empty for none")
	flags.BoolVar(&opts.leaderElection, "leader-elect", false,
		"run only while holding a Lease, so that one of several "+
			"replicas works")
	flags.StringVar(&opts.leaderElectionPrefix, "leader-elect-prefix", "",
		"first part of the Lease's name; give managers that run different controllers different ones")
	flags.IntVar(&opts.concurrency, "max-concurrent-reconciles", 16,
		"objects of one kind that are reconciled at a time")
	flags.StringVar(&opts.moverPods.Image, "mover-image", "", "image of the pods that move the bytes of disks, for "+
		"exports: the image of this program")
	flags.StringSliceVar(&opts.moverPods.PullSecrets, "mover-image-pull-secrets", nil,
		"names of Secrets to pull that image with, which the namespace of an export must have")
	flags.StringVar(&opts.enforcement, "network-policy-enforcement", wukongvm.Enforcements()[0],
		"whether the cluster's network plugin enforces NetworkPolicies: "+strings.Join(wukongvm.Enforcements(), ", "))
	flags.DurationVar(&opts.gracefulShutdown, "graceful-shutdown-timeout", 10*time.Second,
		"how long running reconciles may take to end")

	goFlags := flag.NewFlagSet("", flag.ContinueOnError)
	logging.BindFlags(goFlags)
	ctrl.RegisterFlags(goFlags)
	flags.AddGoFlagSet(goFlags)
	command.AddCommand(mover.NewCommand())
	return command
}

func run(ctx context.Context, opts options) error {
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	config.UserAgent = "wukong-manager/" + version
	grants, err := controllers.FindGrants(ctx, config, opts.namespaces)
	if err != nil {
		return err
	}
	managerOptions, err := controllers.ManagerOptions(opts.controllers, opts.concurrency, grants.Namespaces)
	if err != nil {
		return err
	}
	managerOptions.Metrics = metricsOptions(opts)
	managerOptions.HealthProbeBindAddress = opts.probeAddress
	managerOptions.PprofBindAddress = opts.pprofAddress
	managerOptions.LeaderElection = opts.leaderElection
	managerOptions.LeaderElectionID = leaseName(opts.leaderElectionPrefix)
	managerOptions.LeaderElectionReleaseOnCancel = true
	managerOptions.GracefulShutdownTimeout = ptr.To(opts.gracefulShutdown)

	manager, err := ctrl.NewManager(config, managerOptions)
	if err != nil {
		return fmt.Errorf("make the manager: %w", err)
	}
	settings := controllers.Settings{Mover: opts.moverPods, NetworkPolicyEnforcement: opts.enforcement,
		Namespaces: grants.Namespaces}
	if err := controllers.Setup(ctx, manager, opts.controllers, clock.RealClock{}, settings); err != nil {
		return err
	}
	if err := grants.Watch(manager); err != nil {
		return fmt.Errorf("watch the rights in namespaces: %w", err)
	}
	if err := manager.AddHealthzCheck("not-hanging",
		controllers.NotHanging(metrics.Registry, clock.RealClock{})); err != nil {
		return fmt.Errorf("add the health check: %w", err)
	}
	if err := manager.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("add the readiness check: %w", err)
	}
	return manager.Start(ctx)
}

// metricsOptions serves metrics by HTTPS to clients that a SubjectAccessReview permits to read /metrics. HTTP/2 is
// off, because its stream cancellation attacks (CVE-2023-44487, CVE-2023-39325) need no more than a connection.
func metricsOptions(opts options) metricsserver.Options {
	if opts.metricsInsecure {
		return metricsserver.Options{BindAddress: opts.metricsAddress}
	}
	return metricsserver.Options{
		BindAddress:    opts.metricsAddress,
		SecureServing:  true,
		FilterProvider: filters.WithAuthenticationAndAuthorization,
		TLSOpts:        []func(*tls.Config){func(config *tls.Config) { config.NextProtos = []string{"http/1.1"} }},
	}
}

func leaseName(prefix string) string {
	if prefix == "" {
		return leaderElectionID
	}
	return prefix + "." + leaderElectionID
}

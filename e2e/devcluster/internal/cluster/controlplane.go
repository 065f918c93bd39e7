package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"

	"github.com/novasphere/wukong/e2e/devcluster/internal/network"
	"github.com/novasphere/wukong/e2e/devcluster/internal/sandbox"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

const (
	controlPlaneName = "control-plane"
	etcdAddress      = "127.0.0.1:2379"
	clusterDomain    = "cluster.local"
	// collectSeldom lets the programs of the cluster use memory instead of processor time: the API server's collector
	// looks through hundreds of megabytes of definitions each time, and guests are emulated beside it.
	collectSeldom = "GOGC=400"
	programPath   = "PATH=/opt/wukong/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// startControlPlane starts etcd, the API server, the controller manager and the scheduler in a sandbox of their own.
func (c *Cluster) startControlPlane(ctx context.Context) error {
	place := c.place
	for _, folder := range []string{place.etcd(), place.audit()} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return fmt.Errorf("control plane: %w", err)
		}
	}
	err := errors.Join(writeAuditPolicy(place.pki("audit-policy.yaml")),
		writeYAML(place.scheduler(), schedulerConfig(place)))
	if err != nil {
		return fmt.Errorf("control plane: %w", err)
	}
	spec := sandbox.Spec{
		Name:        controlPlaneName,
		Cgroup:      place.cgroup(controlPlaneName),
		Environment: []string{programPath, "HOME=/root", collectSeldom},
		Programs:    controlPlanePrograms(place, c.state.Plan),
	}
	started, err := sandbox.Start(ctx, spec, place.control()+"/spec.json", place.log(controlPlaneName, "init"))
	if err != nil {
		return err
	}
	c.state.ControlPlane = &started.ID
	if err := c.state.save(place); err != nil {
		return err
	}
	if err := network.ConnectControlPlane(c.state.Plan, started.PID); err != nil {
		return fmt.Errorf("control plane: %w", err)
	}
	return started.Release()
}

func controlPlanePrograms(place paths, plan network.Plan) []sandbox.Program {
	program := func(name string, waitFor []string, options map[string]string) sandbox.Program {
		return sandbox.Program{
			Name: name, Log: place.log(controlPlaneName, name), WaitFor: waitFor,
			Args: append([]string{place.program(name)}, flags(options)...),
		}
	}
	// The API server answers before it has made the roles of the others, who would give up at the first refusal.
	apiServer := []string{readyURL(plan)}
	return []sandbox.Program{
		program("etcd", nil, etcdOptions(place)),
		program("kube-apiserver", []string{"tcp:" + etcdAddress}, apiServerOptions(place, plan)),
		program("kube-controller-manager", apiServer, controllerManagerOptions(place)),
		program("kube-scheduler", apiServer, map[string]string{"config": place.scheduler()}),
	}
}

// flags writes options as --name=value, in order of their names.
func flags(options map[string]string) []string {
	all := make([]string, 0, len(options))
	for name, value := range options {
		all = append(all, "--"+name+"="+value)
	}
	sort.Strings(all)
	return all
}

func etcdOptions(place paths) map[string]string {
	return map[string]string{
		"name":                  "wukong",
		"data-dir":              place.etcd(),
		"listen-client-urls":    "http://" + etcdAddress,
		"advertise-client-urls": "http://" + etcdAddress,
		"listen-peer-urls":      "http://127.0.0.1:2380",
		// The cluster is thrown away: a power cut may take its data.
		"unsafe-no-fsync":           "true",
		"quota-backend-bytes":       "4294967296",
		"auto-compaction-mode":      "periodic",
		"auto-compaction-retention": "5m",
		"log-level":                 "warn",
	}
}

func apiServerOptions(place paths, plan network.Plan) map[string]string {
	return map[string]string{
		"etcd-servers":                       "http://" + etcdAddress,
		"bind-address":                       plan.ControlPlane().String(),
		"advertise-address":                  plan.ControlPlane().String(),
		"secure-port":                        fmt.Sprint(apiPort),
		"service-cluster-ip-range":           plan.Services.String(),
		"authorization-mode":                 "Node,RBAC",
		"enable-admission-plugins":           "NodeRestriction",
		"allow-privileged":                   "true",
		"client-ca-file":                     place.pki("ca.crt"),
		"tls-cert-file":                      place.pki("apiserver.crt"),
		"tls-private-key-file":               place.pki("apiserver.key"),
		"kubelet-certificate-authority":      place.pki("ca.crt"),
		"kubelet-client-certificate":         place.pki("kubelet-client.crt"),
		"kubelet-client-key":                 place.pki("kubelet-client.key"),
		"kubelet-preferred-address-types":    "InternalIP",
		"service-account-issuer":             "https://kubernetes.default.svc." + clusterDomain,
		"service-account-key-file":           place.pki("tokens.key"),
		"service-account-signing-key-file":   place.pki("tokens.key"),
		"requestheader-client-ca-file":       place.pki("front-proxy-ca.crt"),
		"requestheader-allowed-names":        "front-proxy-client",
		"requestheader-extra-headers-prefix": "X-Remote-Extra-",
		"requestheader-group-headers":        "X-Remote-Group",
		"requestheader-username-headers":     "X-Remote-User",
		"proxy-client-cert-file":             place.pki("front-proxy-client.crt"),
		"proxy-client-key-file":              place.pki("front-proxy-client.key"),
		// The control plane reaches pods but no cluster IP, so it has to choose an endpoint of a service itself.
		"enable-aggregator-routing": "true",
		"audit-policy-file":         place.pki("audit-policy.yaml"),
		"audit-log-path":            testbed.At(place.root).AuditLog(),
		"audit-log-maxsize":         "100",
		// For 'kubectl get --raw /debug/pprof/profile': it is where much of the processors' time goes.
		"profiling": "true",
	}
}

func controllerManagerOptions(place paths) map[string]string {
	return map[string]string{
		"kubeconfig":                       place.pki("controller-manager.kubeconfig"),
		"authentication-kubeconfig":        place.pki("controller-manager.kubeconfig"),
		"authorization-kubeconfig":         place.pki("controller-manager.kubeconfig"),
		"leader-elect":                     "false",
		"use-service-account-credentials":  "true",
		"root-ca-file":                     place.pki("ca.crt"),
		"service-account-private-key-file": place.pki("tokens.key"),
		"cluster-signing-cert-file":        place.pki("ca.crt"),
		"cluster-signing-key-file":         place.pki("ca.key"),
		"cluster-name":                     clusterName,
		// It asks for a token for each of its controllers when it starts, which takes seconds at the rate that is
		// usual.
		"kube-api-qps":   "200",
		"kube-api-burst": "400",
		// A new node is free for pods when this period has passed.
		"node-monitor-period": "1s",
		// Claims and volumes that missed an event are looked at again. Elsewhere after 15 s.
		"pvclaimbinder-sync-period": "5s",
		"profiling":                 "false",
	}
}

// schedulerConfig is the KubeSchedulerConfiguration.
func schedulerConfig(place paths) map[string]any {
	return map[string]any{
		"apiVersion":       "kubescheduler.config.k8s.io/v1",
		"kind":             "KubeSchedulerConfiguration",
		"clientConnection": map[string]any{"kubeconfig": place.pki("scheduler.kubeconfig")},
		"leaderElection":   map[string]any{"leaderElect": false},
		// A pod that found no node is tried again when something changed for it, but not sooner than this. Elsewhere it
		// waits up to ten seconds.
		"podInitialBackoffSeconds": 1,
		"podMaxBackoffSeconds":     2,
	}
}

// writeAuditPolicy makes the API server log each request once, when it is answered, without bodies: tests count the
// requests of the operator by user and verb.
func writeAuditPolicy(path string) error {
	return writeYAML(path, map[string]any{
		"apiVersion": "audit.k8s.io/v1",
		"kind":       "Policy",
		"omitStages": []string{"RequestReceived", "ResponseStarted"},
		"rules": []map[string]any{
			{"level": "None",
				"nonResourceURLs": []string{"/healthz*", "/livez*", "/readyz*", "/openapi/*", "/version"}},
			{"level": "Metadata"},
		},
	})
}

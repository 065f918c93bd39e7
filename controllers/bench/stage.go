package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// namespace of all WukongVMs.
const namespace = "bench"

// stage is what a run needs: the control plane with its audit log, the simulator, and the manager.
type stage struct {
	environment *testenv.Environment
	audit       *auditLog
	manager     *managerProcess
	folder      string
	endings     []func() error
}

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: None
  verbs: [get, list, watch]
- level: Metadata
`

func newStage(ctx context.Context, chosen settings) (_ *stage, err error) {
	one := &stage{}
	defer func() {
		if err != nil {
			one.close()
		}
	}()
	if one.folder, err = os.MkdirTemp("", "wukong-bench-"); err != nil {
		return nil, err
	}
	policy := filepath.Join(one.folder, "policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return nil, err
	}
	one.audit = &auditLog{path: filepath.Join(one.folder, "audit.log")}
	err = withoutCollector(func() error {
		one.environment, err = testenv.Start(testenv.Options{APIServerFlags: map[string]string{
			"audit-policy-file": policy, "audit-log-path": one.audit.path,
		}})
		return err
	})
	if err != nil {
		return nil, err
	}
	one.endings = append(one.endings, one.environment.Stop)
	if err := one.environment.Client.Create(ctx,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return nil, fmt.Errorf("make the namespace: %w", err)
	}
	stop, err := one.environment.StartSimulator()
	if err != nil {
		return nil, err
	}
	one.endings = append(one.endings, stop)
	kubeconfig, err := one.environment.Kubeconfig("wukong-manager")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(one.folder, "kubeconfig")
	if err := os.WriteFile(path, kubeconfig, 0o600); err != nil {
		return nil, err
	}
	one.manager, err = startManager(ctx, chosen.manager, path, filepath.Join(one.folder, "manager.log"))
	if err != nil {
		return nil, err
	}
	one.endings = append(one.endings, one.manager.stop)
	return one, nil
}

// close ends everything, in reverse order.
func (s *stage) close() {
	for i := len(s.endings) - 1; i >= 0; i-- {
		if err := s.endings[i](); err != nil {
			fmt.Fprintln(os.Stderr, "bench: clean up:", err)
		}
	}
	_ = os.RemoveAll(s.folder)
}

// startPatience is how long the manager may take until it serves metrics and has read the cluster.
const startPatience = 30 * time.Second

// prepare creates the network that all guests share, and the first objects.
func (s *stage) prepare(ctx context.Context, chosen settings) error {
	if err := s.environment.Client.Create(ctx, network()); err != nil {
		return fmt.Errorf("make the network: %w", err)
	}
	_, err := s.load(ctx, chosen.rate, chosen.virtualMachines, chosen.virtualMachines+warmUp)
	return err
}

// withoutCollector starts the control plane without Go's garbage collector, until it has used its memory limit. The
// API server needs some 700 MB for the definitions of KubeVirt, and a collection of them takes both cores of a small
// host for a second, which would dominate the measurement. A higher limit makes it take ever more fresh memory
// instead, which is as slow in a virtual machine, where the host must back each page: with 8 GiB whole blocks took 300
// ms instead of 40.
func withoutCollector(start func() error) error {
	for name, value := range map[string]string{"GOGC": "off", "GOMEMLIMIT": "2GiB"} {
		before, was := os.LookupEnv(name)
		if err := os.Setenv(name, value); err != nil {
			return err
		}
		defer func() {
			_ = os.Unsetenv(name)
			if was {
				_ = os.Setenv(name, before)
			}
		}()
	}
	return start()
}

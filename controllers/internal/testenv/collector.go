package testenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// controllerManager is a running kube-controller-manager with the controllers that tests need.
type controllerManager struct {
	command *exec.Cmd
	folder  string
}

// collectorPatience is how long the garbage collector may take to start. If the API server does not serve all
// definitions when it starts, it checks again after 30 s.
const collectorPatience = 3 * time.Minute

// waitForCollection waits until an object is deleted with its owner. From then on tests need not expect a collector
// that still reads its lists.
func waitForCollection(environment *Environment, factor float64) error {
	patience := time.Duration(max(1, factor) * float64(collectorPatience))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	owner := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "owner"}}
	if err := environment.Client.Create(ctx, owner); err != nil {
		return fmt.Errorf("make an owner for the garbage collector: %w", err)
	}
	owned := &v1alpha1.Wukong{ObjectMeta: metav1.ObjectMeta{Namespace: owner.Namespace, Name: "owned",
		OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID},
		}}}
	if err := environment.Client.Create(ctx, owned); err != nil {
		return fmt.Errorf("make an object for the garbage collector: %w", err)
	}
	if err := environment.Client.Delete(ctx, owner); err != nil {
		return fmt.Errorf("delete the owner of the object for the garbage collector: %w", err)
	}
	for {
		err := environment.Client.Get(ctx, client.ObjectKeyFromObject(owned), owned)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("wait %s for the garbage collector to delete %s: %w", patience, owned.Name, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// startControllerManager runs the garbage collector and the namespace controller.
func startControllerManager(environment *Environment) (*controllerManager, error) {
	kubeconfig, err := environment.Kubeconfig("controller-manager")
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "wukong-controller-manager-")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, "kubeconfig")
	if err := os.WriteFile(path, kubeconfig, 0o600); err != nil {
		return nil, err
	}
	command := exec.Command(filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kube-controller-manager"),
		"--kubeconfig="+path, "--authentication-kubeconfig="+path, "--authorization-kubeconfig="+path,
		"--controllers=garbage-collector-controller,namespace-controller",
		"--leader-elect=false", "--bind-address=127.0.0.1", "--secure-port=0", "--cert-dir="+folder)
	if Verbose() {
		command.Stdout, command.Stderr = os.Stdout, os.Stderr
	}
	// The process must not outlive a test that is killed.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start kube-controller-manager: %w", err)
	}
	return &controllerManager{command: command, folder: folder}, nil
}

func (c *controllerManager) stop() {
	_ = c.command.Process.Signal(syscall.SIGTERM)
	ended := make(chan struct{})
	go func() { _ = c.command.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		_ = c.command.Process.Kill()
		<-ended
	}
	_ = os.RemoveAll(c.folder)
}

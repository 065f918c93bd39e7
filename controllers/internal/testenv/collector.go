package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// controllerManager is a running kube-controller-manager with the controllers that tests need.
type controllerManager struct {
	command *exec.Cmd
	folder  string
}

// startControllerManager runs the garbage collector and the namespace controller. It works when its lists are read, a second or two
// after the start; tests wait for what it does.
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
	if verbose() {
		command.Stdout, command.Stderr = os.Stdout, os.Stderr
	}
	// The program must not outlive a test that is killed.
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

package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/novasphere/wukong/controllers"
)

// Definitions is a file with the CustomResourceDefinitions of another project.
type Definitions string

// The optional APIs.
const (
	KubeVirt Definitions = "kubevirt.yaml"
	CDI      Definitions = "cdi.yaml"
	Multus   Definitions = "multus.yaml"
	NMState  Definitions = "nmstate.yaml"
	// Snapshots are the definitions of volume snapshots.
	Snapshots Definitions = "snapshots.yaml"
)

// DefaultStorageClass exists in every environment, and is the default.
const DefaultStorageClass = "fast"

// Provisioner is the driver of that class.
const Provisioner = "test.novasphere.dev/none"

// Environment is a control plane for tests.
type Environment struct {
	// Config has the rights of an administrator.
	Config *rest.Config
	// Client has the same rights, and reads from the API server.
	Client client.Client

	control   *envtest.Environment
	collector *controllerManager
}

// Options of an environment.
type Options struct {
	// Without lists APIs that are not installed.
	Without []Definitions
	// GarbageCollection runs the real kube-controller-manager with its garbage collector and namespace controller.
	GarbageCollection bool
	// APIServerFlags are further flags of the API server, without the leading hyphens.
	APIServerFlags map[string]string
	// Patience multiplies how long the parts may take to start; 0 means 1.
	Patience float64
}

// Kubeconfig returns a kubeconfig for another process, with an administrator of its own.
func (e *Environment) Kubeconfig(name string) ([]byte, error) {
	user, err := e.control.AddUser(envtest.User{Name: name, Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return nil, fmt.Errorf("add user %s: %w", name, err)
	}
	return user.KubeConfig()
}

// Start starts an environment. The caller stops it.
func Start(options Options) (*Environment, error) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return nil,
			fmt.Errorf("KUBEBUILDER_ASSETS is not set: run 'make test-controlplane', which builds the control " +
				"plane and sets it")
	}
	ctrl.SetLogger(Logger())
	control, config, err := startControlPlane(options)
	if err != nil {
		return nil, fmt.Errorf("start the control plane: %w", err)
	}
	config.QPS, config.Burst = -1, -1
	environment := &Environment{Config: config, control: control}
	if err := environment.prepare(options); err != nil {
		_ = environment.Stop()
		return nil, err
	}
	return environment, nil
}

// starts is how often the start of a control plane is tried. envtest gives a new API server a fixed five seconds to
// create its namespaces (controller-runtime, pkg/envtest/server.go, waitForDefaultNamespace), and on a busy host it
// needs more.
const starts = 3

func startControlPlane(options Options) (control *envtest.Environment, config *rest.Config, err error) {
	for range starts {
		control = newControlPlane(options)
		if config, err = control.Start(); err == nil {
			return control, config, nil
		}
		// A part that did start would run on without an owner.
		err = errors.Join(err, control.Stop())
	}
	return nil, nil, err
}

func newControlPlane(options Options) *envtest.Environment {
	control := &envtest.Environment{
		CRDDirectoryPaths:        []string{repository("config", "crd", "bases")},
		ErrorIfCRDPathMissing:    true,
		AttachControlPlaneOutput: Verbose(),
		ControlPlaneStartTimeout: time.Duration(max(1, options.Patience) * float64(time.Minute)),
		ControlPlaneStopTimeout:  20 * time.Second,
		Scheme:                   controllers.Scheme(),
	}
	for flag, value := range options.APIServerFlags {
		control.ControlPlane.GetAPIServer().Configure().Set(flag, value)
	}
	for _, definitions := range []Definitions{KubeVirt, CDI, Multus, NMState, Snapshots} {
		if !slices.Contains(options.Without, definitions) {
			control.CRDDirectoryPaths = append(control.CRDDirectoryPaths, definitions.path())
		}
	}
	return control
}

func (e *Environment) prepare(options Options) error {
	var err error
	if e.Client, err = client.New(e.Config, client.Options{Scheme: controllers.Scheme()}); err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	class := &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{
			Name:        DefaultStorageClass,
			Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		Provisioner: Provisioner,
	}
	if err := e.Client.Create(context.Background(), class); err != nil {
		return fmt.Errorf("make the default StorageClass: %w", err)
	}
	if err := e.installPolicies(); err != nil {
		return err
	}
	if err := e.permitEverything(); err != nil {
		return err
	}
	if !options.GarbageCollection {
		return nil
	}
	if e.collector, err = startControllerManager(e); err != nil {
		return err
	}
	return waitForCollection(e, options.Patience)
}

// Stop ends the environment.
func (e *Environment) Stop() error {
	if e.collector != nil {
		e.collector.stop()
	}
	return e.control.Stop()
}

// Install adds APIs to a running environment.
func (e *Environment) Install(definitions ...Definitions) error {
	for _, one := range definitions {
		options := envtest.CRDInstallOptions{Paths: []string{one.path()}, Scheme: controllers.Scheme()}
		if _, err := envtest.InstallCRDs(e.Config, options); err != nil {
			return fmt.Errorf("install the definitions of %s: %w", one, err)
		}
	}
	return nil
}

// Uninstall removes APIs from a running environment.
func (e *Environment) Uninstall(definitions ...Definitions) error {
	for _, one := range definitions {
		options := envtest.CRDInstallOptions{Paths: []string{one.path()}, Scheme: controllers.Scheme()}
		if err := envtest.UninstallCRDs(e.Config, options); err != nil {
			return fmt.Errorf("uninstall the definitions of %s: %w", one, err)
		}
	}
	return nil
}

func (d Definitions) path() string {
	return repository("controllers", "internal", "testenv", "crds", string(d))
}

// repository returns a path in the checkout. Its root is the nearest parent folder with the workspace file.
func repository(parts ...string) string {
	root, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	for ; root != "/"; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.work")); err == nil {
			break
		}
	}
	return filepath.Join(append([]string{root}, parts...)...)
}

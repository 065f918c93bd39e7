package cdi

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// readyPatience is generous: on two cores cdi-operator takes less than a minute to install everything.
const readyPatience = 10 * time.Minute

// workloads are what cdi-operator installs, and itself.
var workloads = []string{testbed.CDIOperator, "cdi-apiserver", "cdi-deployment", testbed.UploadProxy}

// Addon installs CDI.
type Addon struct {
	// InsecureRegistries are registries, HOST:PORT, that are read over plain HTTP.
	InsecureRegistries []string
}

var (
	_ addon.Addon      = Addon{}
	_ addon.WithAssets = Addon{}
)

// Name implements addon.Addon.
func (Addon) Name() string { return "cdi" }

// Images implements addon.Addon.
func (Addon) Images() []*artifact.Recipe { return []*artifact.Recipe{imageRecipe()} }

// Assets implements addon.WithAssets.
func (Addon) Assets() []*artifact.Recipe { return []*artifact.Recipe{manifests()} }

// Install implements addon.Addon.
func (a Addon) Install(ctx context.Context, cluster *addon.Cluster) error {
	folder, err := cluster.Store.Ensure(ctx, manifests())
	if err != nil {
		return err
	}
	manifest, err := os.ReadFile(filepath.Join(folder, manifestsFile))
	if err != nil {
		return fmt.Errorf("install CDI: %w", err)
	}
	if err := cluster.Apply(ctx, newNamespace()); err != nil {
		return fmt.Errorf("install CDI: %w", err)
	}
	if err := cluster.ApplyYAML(ctx, manifest); err != nil {
		return fmt.Errorf("install CDI's operator: %w", err)
	}
	if err := cluster.Apply(ctx, newCDI(a.InsecureRegistries)); err != nil {
		return fmt.Errorf("install CDI: %w", err)
	}
	return nil
}

// Ready implements addon.Addon.
func (a Addon) Ready(ctx context.Context, cluster *addon.Cluster) error {
	// The programs first: what keeps one of their pods from running says more than CDI's own conditions.
	if err := cluster.WaitWorkloads(ctx, readyPatience, Namespace, workloads...); err != nil {
		return err
	}
	return addon.WaitFor(ctx, readyPatience, "wait for CDI", func(ctx context.Context) (string, error) {
		current := newCDI(a.InsecureRegistries)
		err := cluster.Client.Get(ctx, client.ObjectKeyFromObject(current), current)
		if apierrors.IsNotFound(err) {
			return "", fmt.Errorf("there is no CDI %s", current.GetName())
		}
		if err != nil {
			// The API server may be busy with the definitions that cdi-operator creates.
			return err.Error(), nil
		}
		return lack(current), nil
	})
}

// lack reads what cdi-operator says of the installation: the empty string is ready.
func lack(cdi *unstructured.Unstructured) string {
	phase, _, _ := unstructured.NestedString(cdi.Object, "status", "phase")
	if phase == "Deployed" {
		return ""
	}
	if phase == "" {
		return "cdi-operator has not begun"
	}
	conditions, _, _ := unstructured.NestedSlice(cdi.Object, "status", "conditions")
	reports := make([]string, 0, len(conditions))
	for _, item := range conditions {
		if condition, isMap := item.(map[string]any); isMap {
			reports = append(reports,
				fmt.Sprintf("%v=%v (%v)", condition["type"], condition["status"], condition["message"]))
		}
	}
	return "phase " + phase + ": " + strings.Join(reports, ", ")
}

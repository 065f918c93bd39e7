package kubevirt

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
)

// missing says what KubeVirt lacks until it works: the empty string is ready.
func missing(ctx context.Context, cluster *addon.Cluster) (string, error) {
	current := newKubeVirt(cluster.KVM)
	err := cluster.Client.Get(ctx, client.ObjectKeyFromObject(current), current)
	if apierrors.IsNotFound(err) {
		return "", fmt.Errorf("there is no KubeVirt %s/%s", current.GetNamespace(), current.GetName())
	}
	if err != nil {
		// The API server may be busy with the many definitions that virt-operator creates.
		return err.Error(), nil
	}
	return lack(current), nil
}

// lack reads what virt-operator says of the installation.
func lack(kubevirt *unstructured.Unstructured) string {
	phase, _, _ := unstructured.NestedString(kubevirt.Object, "status", "phase")
	conditions, _, _ := unstructured.NestedSlice(kubevirt.Object, "status", "conditions")
	var reports []string
	available := false
	for _, item := range conditions {
		condition, isMap := item.(map[string]any)
		if !isMap {
			continue
		}
		if condition["type"] == "Available" && condition["status"] == "True" {
			available = true
		}
		reports = append(reports,
			fmt.Sprintf("%v=%v (%v)", condition["type"], condition["status"], condition["message"]))
	}
	if available && phase == "Deployed" {
		return ""
	}
	if phase == "" {
		return "virt-operator has not begun"
	}
	return "phase " + phase + ": " + strings.Join(reports, ", ")
}

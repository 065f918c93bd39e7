package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// policies are the files of admission policies that are installed with the definitions.
var policies = []string{"wukongdisk-deletion-protection.yaml", "wukongnetwork-host-access.yaml",
	"wukongvm-pod-metadata.yaml"}

// Operator is the account that config/default/job_policy.yaml restricts.
const Operator = "system:serviceaccount:wukong-system:wukong"

// installPolicies creates the admission policies. The API server enforces one shortly after.
func (e *Environment) installPolicies() error {
	for _, name := range policies {
		if err := e.installPolicy(repository("config", "crd", name)); err != nil {
			return err
		}
	}
	return e.installPolicy(repository("config", "default", "job_policy.yaml"))
}

// permitEverything permits all namespaces to use all networks of the nodes, as in a cluster of one team.
func (e *Environment) permitEverything() error {
	policy := &v1alpha1.WukongHostNetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.HostNetworkPolicyName},
		Spec: v1alpha1.WukongHostNetworkPolicySpec{Permitted: []v1alpha1.PermittedHostNetwork{{
			Name: "all", Namespaces: []v1alpha1.NamespaceNameOrAll{v1alpha1.AllNamespaces}, Everything: ptr.To(true),
		}}},
	}
	if err := e.Client.Create(context.Background(), policy); err != nil {
		return fmt.Errorf("permit all networks of the nodes: %w", err)
	}
	return nil
}

func (e *Environment) installPolicy(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		if err := e.Client.Create(context.Background(), object); err != nil {
			return fmt.Errorf("make %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
}

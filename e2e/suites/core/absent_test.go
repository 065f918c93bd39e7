//go:build e2e

package core

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// TestWhatIsAbsentIsToldAndNoticedWhenItComes takes two APIs away from the whole cluster, each from a machine that
// needs it. It is not parallel, and so runs while no other test does.
func TestWhatIsAbsentIsToldAndNoticedWhenItComes(t *testing.T) {
	harness.Essential(t)
	cluster.Drain(t)
	t.Run("Multus", func(t *testing.T) {
		t.Parallel()
		namespace := cluster.Namespace(t)
		definition := removeDefinition(t, "network-attachment-definitions.k8s.cni.cncf.io")
		vm := builder.VM(namespace, "web", builder.Stamped("root", builder.Size("64Mi")), onOffice())
		cluster.Make(t, officeNetwork(namespace, "office"), vm)
		cluster.WaitCause(t, vm, v1alpha1.ReasonWaitingForNetwork, "Multus is not installed", patience)

		cluster.Make(t, definition)
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	})
	t.Run("CDI", func(t *testing.T) {
		t.Parallel()
		namespace := cluster.Namespace(t)
		stopCDIOperator(t)
		definition := removeDefinition(t, "datavolumes.cdi.kubevirt.io")
		vm := builder.VM(namespace, "web", importedTiny("root"))
		cluster.Make(t, vm)
		cluster.WaitCause(t, vm, v1alpha1.ReasonWaitingForDisk,
			"CDI (Containerized Data Importer) is not installed", patience)

		cluster.Make(t, definition)
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	})
}

// stopCDIOperator keeps CDI's operator from putting back what is taken away, until the test ends.
func stopCDIOperator(t *testing.T) {
	t.Helper()
	operator := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: testbed.CDINamespace, Name: testbed.CDIOperator},
	}
	patch(t, operator, `{"spec":{"replicas":0}}`)
	t.Cleanup(func() {
		back := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"replicas":1}}`))
		require.NoError(t, cluster.Patch(context.Background(), operator, back))
	})
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(operator), operator))
	// The status of a Deployment does not count a pod that is being deleted, and that pod would put the definition
	// back.
	pods := client.MatchingLabels(operator.Spec.Selector.MatchLabels)
	harness.Until(t, harness.CauseOther, patience, "CDI's operator stops", func(ctx context.Context) string {
		list := &corev1.PodList{}
		if err := cluster.List(ctx, list, client.InNamespace(operator.Namespace), pods); err != nil {
			return err.Error()
		}
		if len(list.Items) > 0 {
			return fmt.Sprintf("%d pods of it are there", len(list.Items))
		}
		return ""
	})
}

// removeDefinition deletes a CustomResourceDefinition and returns what to create to have it back; the end of the test
// makes sure of it.
func removeDefinition(t *testing.T, name string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	definition := &apiextensionsv1.CustomResourceDefinition{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKey{Name: name}, definition))
	again := &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: definition.Labels, Annotations: definition.Annotations},
		Spec:       definition.Spec,
	}
	t.Cleanup(func() {
		// One that is still going would take what is created now along.
		ctx, cancel := context.WithTimeout(context.Background(), harness.Scaled(patience))
		defer cancel()
		current := &apiextensionsv1.CustomResourceDefinition{}
		if err := cluster.Get(ctx, client.ObjectKeyFromObject(again), current); err == nil &&
			!current.DeletionTimestamp.IsZero() {
			require.NoError(t, cluster.Gone(ctx, current))
		}
		if err := cluster.Create(ctx, again.DeepCopy()); !apierrors.IsAlreadyExists(err) {
			require.NoError(t, err)
		}
	})
	require.NoError(t, cluster.Delete(t.Context(), definition))
	cluster.WaitGone(t, definition, patience)
	return again.DeepCopy()
}

//go:build e2e

package core

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// The tests in this file take an API away from the whole cluster. They are not parallel, and so run while nothing else does.

func TestMultusAbsent(t *testing.T) {
	cluster.Drain(t)
	namespace := cluster.Namespace(t)
	definition := removeDefinition(t, "network-attachment-definitions.k8s.cni.cncf.io")
	network := lanNetwork(namespace, "office")
	vm := wukongVM(namespace, "web", imported("root", "64Mi", testbed.ImageURL(testbed.TinyImage)), lan("office"))
	create(t, network, vm)
	cluster.WaitCause(t, vm, v1alpha1.ReasonWaitingForNetwork, "Multus is not installed", patience)

	create(t, definition)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
}

func TestCDIAbsent(t *testing.T) {
	cluster.Drain(t)
	namespace := cluster.Namespace(t)
	// CDI's operator would put its definition back at once.
	operator := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: testbed.CDINamespace, Name: testbed.CDIOperator}}
	patch(t, operator, `{"spec":{"replicas":0}}`)
	t.Cleanup(func() {
		back := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"replicas":1}}`))
		require.NoError(t, cluster.Patch(context.Background(), operator, back))
	})
	require.Eventually(t, func() bool {
		return cluster.Get(t.Context(), client.ObjectKeyFromObject(operator), operator) == nil && operator.Status.Replicas == 0
	}, patience, time.Second)
	definition := removeDefinition(t, "datavolumes.cdi.kubevirt.io")

	vm := wukongVM(namespace, "web", imported("root", "64Mi", testbed.ImageURL(testbed.TinyImage)))
	create(t, vm)
	cluster.WaitCause(t, vm, v1alpha1.ReasonWaitingForDisk, "CDI (Containerized Data Importer) is not installed", patience)

	create(t, definition)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
}

// removeDefinition deletes a CustomResourceDefinition and returns what to create to have it back; the end of the test makes sure of it.
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
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		current := &apiextensionsv1.CustomResourceDefinition{}
		if err := cluster.Get(ctx, client.ObjectKeyFromObject(again), current); err == nil && !current.DeletionTimestamp.IsZero() {
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

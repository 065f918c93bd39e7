//go:build controlplane

package controllers_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// The API server refuses a CRD whose CEL rules could cost too much, so that it serves all kinds shows that their rules
// stay within its budget. What it does not refuse, it says in conditions.
func TestTheAPIServerServesEveryKindAsItIs(t *testing.T) {
	scheme := runtime.NewScheme()
	require.NoError(t, apiextensionsv1.AddToScheme(scheme))
	admin, err := client.New(testkit.New(t).Config, client.Options{Scheme: scheme})
	require.NoError(t, err)
	var definitions apiextensionsv1.CustomResourceDefinitionList
	require.NoError(t, admin.List(t.Context(), &definitions))

	var served []string
	for _, definition := range definitions.Items {
		if definition.Spec.Group != v1alpha1.GroupVersion.Group {
			continue
		}
		served = append(served, definition.Spec.Names.Kind)
		conditions := map[apiextensionsv1.CustomResourceDefinitionConditionType]apiextensionsv1.ConditionStatus{}
		for _, condition := range definition.Status.Conditions {
			conditions[condition.Type] = condition.Status
		}
		assert.Equal(t, apiextensionsv1.ConditionTrue, conditions[apiextensionsv1.Established], definition.Name)
		assert.Equal(t, apiextensionsv1.ConditionTrue, conditions[apiextensionsv1.NamesAccepted], definition.Name)
		assert.NotEqual(t, apiextensionsv1.ConditionTrue, conditions[apiextensionsv1.NonStructuralSchema],
			definition.Name)
	}
	known := []string{}
	for name := range controllers.Scheme().KnownTypes(v1alpha1.GroupVersion) {
		if strings.HasPrefix(name, "Wukong") && !strings.HasSuffix(name, "List") {
			known = append(known, name)
		}
	}
	assert.ElementsMatch(t, known, served)
}

package services

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestPlan(t *testing.T) {
	vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
	vm.Spec.Services = []v1alpha1.VMService{
		{Name: "wrong", Selector: map[string]string{"app": "other"}}, {Name: "http"},
	}
	entries, unreachable := Plan(vm, nil)
	assert.Nil(t, unreachable)
	require.Len(t, entries, 2)
	assert.Nil(t, entries[0].Service)
	assert.Contains(t, entries[0].Cause.Message, "does not select this WukongVM")
	assert.Equal(t, "web-http", entries[1].Service.Name)

	existing := func(name string) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}
	deleted := existing("web-deleted")
	deleted.DeletionTimestamp = ptr.To(metav1.Now())
	made := map[string]*corev1.Service{
		"web-http": existing("web-http"), "web-wrong": existing("web-wrong"), "web-deleted": deleted,
	}
	surplus := Surplus(entries, made)
	require.Len(t, surplus, 1)
	assert.Equal(t, "web-wrong", surplus[0].Name, "it would not reach the guest")

	vm.Spec.Networks = []v1alpha1.VMNetwork{{Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"}}}
	entries, unreachable = Plan(vm, nil)
	assert.Empty(t, entries)
	require.NotNil(t, unreachable)
	assert.Len(t, Surplus(entries, made), 2)
}

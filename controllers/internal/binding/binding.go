// Package binding knows which network binding plugin KubeVirt needs for a network without a built-in binding, and
// which plugins the cluster has.
//
// KubeVirt v1.7 has masquerade, bridge and sriov built in. passt and macvtap are plugins since v1.3: the KubeVirt
// object registers them under spec.configuration.network.binding, with the sidecar or the kind of device that each
// needs. A VirtualMachine with an unregistered plugin does not start (pkg/network/setup,
// docs/network/network-binding-plugin.md). The two names are those of KubeVirt's own guide.
package binding

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
)

// Names of plugins.
const (
	Passt   = "passt"
	Macvtap = "macvtap"
)

// Plugin returns the plugin that a network needs, or "".
func Plugin(spec *v1alpha1.WukongNetworkSpec) string {
	switch {
	case spec.Type == v1alpha1.NetworkTypePod:
		return PodPlugin(spec.Pod)
	case spec.Type == v1alpha1.NetworkTypeMacvlan && spec.Macvlan.Mode != v1alpha1.MacvlanPassthru:
		return Macvtap
	default:
		return ""
	}
}

// PodPlugin returns the plugin that a connection to the pod network needs, or "".
func PodPlugin(pod *v1alpha1.PodNetwork) string {
	if pod != nil && pod.Binding == v1alpha1.PodBindingPasst {
		return Passt
	}
	return ""
}

// Registered reports whether the cluster's KubeVirt has a plugin. It is true for the empty name.
func Registered(
	ctx context.Context, reader client.Reader, dependencies *dependency.Registry, plugin string,
) (bool, error) {
	if plugin == "" {
		return true, nil
	}
	served, err := dependencies.Served(ctx, dependency.KubeVirts)
	if err != nil || !served {
		return false, err
	}
	list := &kubevirtv1.KubeVirtList{}
	if err := reader.List(ctx, list); err != nil {
		return false, fmt.Errorf("list KubeVirt objects: %w", err)
	}
	for i := range list.Items {
		if _, found := plugins(&list.Items[i])[plugin]; found {
			return true, nil
		}
	}
	return false, nil
}

// Missing returns the message of a condition with reason BindingMissing.
func Missing(plugin string) string {
	return fmt.Sprintf("KubeVirt has no network binding plugin %s; register it under "+
		"spec.configuration.network.binding of the KubeVirt object, "+
		"and the object that uses it continues automatically", plugin)
}

// Changed accepts a KubeVirt object whose plugins changed.
func Changed() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok := e.ObjectOld.(*kubevirtv1.KubeVirt)
			after, ok2 := e.ObjectNew.(*kubevirtv1.KubeVirt)
			return ok && ok2 && !equality.Semantic.DeepEqual(plugins(before), plugins(after))
		},
	}
}

func plugins(kubevirt *kubevirtv1.KubeVirt) map[string]kubevirtv1.InterfaceBindingPlugin {
	if network := kubevirt.Spec.Configuration.NetworkConfiguration; network != nil {
		return network.Binding
	}
	return nil
}

// KeepPlugins copies the plugins of a KubeVirt object.
func KeepPlugins(full, kept *kubevirtv1.KubeVirt) {
	if found := plugins(full); found != nil {
		kept.Spec.Configuration.NetworkConfiguration = &kubevirtv1.NetworkConfiguration{Binding: found}
	}
}

package controllers

import (
	"maps"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"

	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/scope"
	"github.com/novasphere/wukong/controllers/wukongnetwork"
)

// Scheme knows every kind that the controllers read or write.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, v1alpha1.AddToScheme,
		kubevirtv1.AddToScheme, cdiv1.AddToScheme, networkv1.AddToScheme, snapshotv1.AddToScheme,
		nmstatev1.AddToScheme, nmstatev1beta1.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
	return scheme
}

// ManagerOptions are what a manager needs for the controllers to keep their promises: a client that reads its own writes, so that
// no pass repeats one, and caches that hold only what is needed, of the namespaces that the release works in.
func ManagerOptions(concurrency int, namespaces []string) ctrl.Options {
	limits := scope.Namespaces(namespaces)
	return ctrl.Options{
		Scheme:         Scheme(),
		MapperProvider: newMapper,
		Cache:          cacheOptions(limits),
		NewClient:      limits.NewClient,
		Client:         client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: ptr.To(true)}},
		Controller:     config.Controller{MaxConcurrentReconciles: concurrency, ReconciliationTimeout: reconciliationTimeout},
	}
}

// cacheOptions keeps KubeVirt's and CDI's objects, Jobs and pods only where they are ours, drops managed fields everywhere, and keeps of a
// PersistentVolumeClaim and of a CustomResourceDefinition the little that is read. Claims of others are kept because a disk may adopt
// one, and because a name that is taken must be seen. Of events, only those of provisioners that fail are kept. KubeVirt says of itself in a namespace
// of its own, which no release has to work in.
func cacheOptions(namespaces scope.Namespaces) cache.Options {
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue})}
	movers, err := labels.NewRequirement(v1alpha1.LabelExport, selection.Exists, nil)
	utilruntime.Must(err)
	everywhere := map[string]cache.Config{cache.AllNamespaces: {}}
	return cache.Options{
		DefaultNamespaces: namespaces.Cache(),
		DefaultTransform:  cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&kubevirtv1.VirtualMachine{}:                        {Label: ours.Label},
			&kubevirtv1.VirtualMachineInstance{}:                {Label: ours.Label, Transform: keepInstance},
			&cdiv1.DataVolume{}:                                 {Label: oursOrImported()},
			&cdiv1.DataSource{}:                                 {Label: ours.Label},
			&cdiv1.DataImportCron{}:                             {Label: ours.Label},
			&batchv1.Job{}:                                      {Label: ours.Label},
			&corev1.Pod{}:                                       {Label: labels.NewSelector().Add(*movers)},
			&corev1.PersistentVolumeClaim{}:                     {Transform: keepClaim},
			&corev1.Event{}:                                     {Field: provisionerFailures()},
			&kubevirtv1.KubeVirt{}:                              {Transform: keepKubeVirt, Namespaces: everywhere},
			&corev1.Node{}:                                      {Transform: keepNode},
			&nmstatev1beta1.NodeNetworkState{}:                  {Transform: wukongnetwork.KeepNodeState},
			&nmstatev1beta1.NodeNetworkConfigurationEnactment{}: {Transform: keepEnactment},
			&apiextensionsv1.CustomResourceDefinition{}:         {Transform: keepDefinition},
			&corev1.Service{}:                                   {Label: ours.Label},
			&discoveryv1.EndpointSlice{}:                        {Label: ours.Label},
			&networkingv1.NetworkPolicy{}:                       {Label: ours.Label},
		},
	}
}

// provisionerFailures selects the events that a provisioner makes when a claim gets no volume
// (sigs.k8s.io/sig-storage-lib-external-provisioner, controller/controller.go).
func provisionerFailures() fields.Selector {
	return fields.SelectorFromSet(fields.Set{"involvedObject.kind": "PersistentVolumeClaim", "reason": "ProvisioningFailed"})
}

// oursOrImported selects DataVolumes of ours and those that CDI makes for a DataImportCron, which carry its own mark.
func oursOrImported() labels.Selector {
	requirement, err := labels.NewRequirement(v1alpha1.LabelManagedBy, selection.In, []string{v1alpha1.LabelManagedByValue, "cdi-controller"})
	utilruntime.Must(err)
	return labels.NewSelector().Add(*requirement)
}

// keepClaim drops the annotations of others, of which CDI alone writes a dozen, but the one that is looked at.
func keepClaim(obj any) (any, error) {
	if claim, ok := obj.(*corev1.PersistentVolumeClaim); ok {
		claim.ManagedFields = nil
		maps.DeleteFunc(claim.Annotations, func(key, _ string) bool {
			return !strings.HasPrefix(key, v1alpha1.GroupVersion.Group+"/") && key != dvstate.AnnotationBindNow
		})
	}
	return obj, nil
}

// keepInstance drops what an instance has from its VirtualMachine, which is cached as well, and what KubeVirt notes on it. Its volumes and interfaces stay: they are not
// always those of the VirtualMachine.
func keepInstance(obj any) (any, error) {
	if instance, ok := obj.(*kubevirtv1.VirtualMachineInstance); ok {
		instance.ManagedFields = nil
		maps.DeleteFunc(instance.Annotations, func(key, _ string) bool {
			return strings.Contains(key, "kubevirt.io/") && key != kubevirtv1.WorkloadUpdateMigrationAbortionAnnotation
		})
		kept := kubevirtv1.VirtualMachineInstanceSpec{Volumes: instance.Spec.Volumes, Networks: instance.Spec.Networks}
		kept.Domain.Devices.Interfaces = instance.Spec.Domain.Devices.Interfaces
		instance.Spec = kept
	}
	return obj, nil
}

// keepKubeVirt keeps the network binding plugins that KubeVirt knows, its feature gates and its version.
func keepKubeVirt(obj any) (any, error) {
	if kubevirt, ok := obj.(*kubevirtv1.KubeVirt); ok {
		kubevirt.ManagedFields = nil
		kubevirt.Annotations = nil
		kept := kubevirtv1.KubeVirtConfiguration{NetworkConfiguration: kubevirt.Spec.Configuration.NetworkConfiguration}
		if developer := kubevirt.Spec.Configuration.DeveloperConfiguration; developer != nil {
			kept.DeveloperConfiguration = &kubevirtv1.DeveloperConfiguration{FeatureGates: developer.FeatureGates, DisabledFeatureGates: developer.DisabledFeatureGates}
		}
		kubevirt.Spec = kubevirtv1.KubeVirtSpec{Configuration: kept}
		kubevirt.Status = kubevirtv1.KubeVirtStatus{ObservedKubeVirtVersion: kubevirt.Status.ObservedKubeVirtVersion}
	}
	return obj, nil
}

// keepNode keeps what networks ask of a node: its labels, what devices it offers, and whether it is ready.
func keepNode(obj any) (any, error) {
	if node, ok := obj.(*corev1.Node); ok {
		node.ManagedFields = nil
		node.Annotations = nil
		node.Spec = corev1.NodeSpec{}
		ready := slices.DeleteFunc(node.Status.Conditions, func(condition corev1.NodeCondition) bool { return condition.Type != corev1.NodeReady })
		node.Status = corev1.NodeStatus{Allocatable: node.Status.Allocatable, Conditions: ready}
	}
	return obj, nil
}

// keepEnactment drops the desired state, which is the policy's, and what was captured for it.
func keepEnactment(obj any) (any, error) {
	if enactment, ok := obj.(*nmstatev1beta1.NodeNetworkConfigurationEnactment); ok {
		enactment.ManagedFields = nil
		enactment.Status.DesiredState.Raw = nil
		enactment.Status.CapturedStates = nil
	}
	return obj, nil
}

func keepDefinition(obj any) (any, error) {
	if definition, ok := obj.(*apiextensionsv1.CustomResourceDefinition); ok {
		definition.ManagedFields = nil
		definition.Annotations = nil
		definition.Spec = apiextensionsv1.CustomResourceDefinitionSpec{}
	}
	return obj, nil
}

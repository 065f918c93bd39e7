//go:build e2e

package core

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// wukongVM is a small machine with what the options add.
func wukongVM(namespace, name string, options ...func(*v1alpha1.WukongVM)) *v1alpha1.WukongVM {
	vm := &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WukongVMSpec{
			Memory:                        v1alpha1.Memory{Guest: resource.MustParse("128Mi")},
			TerminationGracePeriodSeconds: new(int64),
		},
	}
	for _, option := range options {
		option(vm)
	}
	return vm
}

// imported adds a disk that is imported from a URL.
func imported(name, size, url string, options ...func(*v1alpha1.WukongDiskSpec)) func(*v1alpha1.WukongVM) {
	return stamped(name, size, append([]func(*v1alpha1.WukongDiskSpec){func(disk *v1alpha1.WukongDiskSpec) {
		disk.Source = &v1alpha1.WukongDiskSource{HTTP: &v1alpha1.HTTPSource{URL: url}}
	}}, options...)...)
}

// stamped adds a disk from a template, blank unless the options say more.
func stamped(name, size string, options ...func(*v1alpha1.WukongDiskSpec)) func(*v1alpha1.WukongVM) {
	return func(vm *v1alpha1.WukongVM) {
		quantity := resource.MustParse(size)
		spec := v1alpha1.WukongDiskSpec{Size: &quantity}
		for _, option := range options {
			option(&spec)
		}
		vm.Spec.Disks = append(vm.Spec.Disks, v1alpha1.VMDisk{Name: name, Template: &v1alpha1.DiskTemplate{Spec: spec}})
	}
}

func retained(disk *v1alpha1.WukongDiskSpec) { disk.ReclaimPolicy = v1alpha1.ReclaimRetain }

func class(name string) func(*v1alpha1.WukongDiskSpec) {
	return func(disk *v1alpha1.WukongDiskSpec) { disk.StorageClassName = &name }
}

// referred adds a disk by reference.
func referred(name, disk string) func(*v1alpha1.WukongVM) {
	return func(vm *v1alpha1.WukongVM) {
		vm.Spec.Disks = append(vm.Spec.Disks, v1alpha1.VMDisk{Name: name, DiskRef: &v1alpha1.LocalObjectReference{Name: disk}})
	}
}

// lan adds an interface on the bridge network with addresses, or by DHCP without.
func lan(network string, addresses ...v1alpha1.InterfaceAddress) func(*v1alpha1.WukongVM) {
	return func(vm *v1alpha1.WukongVM) {
		vm.Spec.Networks = append(vm.Spec.Networks, v1alpha1.VMNetwork{
			Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: network}, Addresses: addresses,
		})
	}
}

// pod adds an interface on the pod network.
func pod(vm *v1alpha1.WukongVM) {
	vm.Spec.Networks = append(vm.Spec.Networks, v1alpha1.VMNetwork{Name: "pod", Pod: &v1alpha1.PodNetwork{}})
}

func partOf(application string) func(*v1alpha1.WukongVM) {
	return func(vm *v1alpha1.WukongVM) { vm.Spec.WukongRef = &v1alpha1.LocalObjectReference{Name: application} }
}

// lanNetwork is a WukongNetwork on the dev cluster's bridge, with one subnet.
func lanNetwork(namespace, name string) *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WukongNetworkSpec{
			Type:    v1alpha1.NetworkTypeBridge,
			Bridge:  &v1alpha1.BridgeNetwork{Name: testbed.LANBridge},
			Subnets: []v1alpha1.Subnet{{CIDR: "192.168.77.0/24"}},
		},
	}
}

func create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		require.NoError(t, cluster.Create(t.Context(), object), "%T %s", object, object.GetName())
	}
}

func secret(namespace, name string, data map[string]string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, StringData: data}
}

// patch merges a change into an object.
func patch(t *testing.T, object client.Object, change string) {
	t.Helper()
	require.NoError(t, cluster.Patch(t.Context(), object, client.RawPatch("application/merge-patch+json", []byte(change))))
}

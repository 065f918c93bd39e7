// Package subresource calls the subresources of KubeVirt's VirtualMachineInstances, which virt-api serves under the API
// group subresources.kubevirt.io (kubevirt.io/kubevirt, pkg/virt-api/api.go). They are calls, not objects: the answer of
// one is all that is known of it.
package subresource

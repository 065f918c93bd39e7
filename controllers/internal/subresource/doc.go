// Package subresource calls the subresources of KubeVirt's VirtualMachineInstances, which virt-api serves under the
// API group subresources.kubevirt.io (kubevirt.io/kubevirt, pkg/virt-api/api.go). They are calls, not objects: the
// response is all that is known of one.
package subresource

// Package testenv runs a real control plane for tests and the benchmark: the built etcd and kube-apiserver, the real
// CustomResourceDefinitions of KubeVirt, CDI and Multus, ours as generated, and where garbage collection is the point the
// real kube-controller-manager; and managers and the simulator beside it, in this process.
//
// There is no kubelet and no KubeVirt: what they would write, a test writes itself, as the status of an object. What a
// guest does is for the end-to-end suites. Tests use this package through testkit.
//
// The programs come from the folder KUBEBUILDER_ASSETS, which 'make test-controlplane' prepares.
package testenv

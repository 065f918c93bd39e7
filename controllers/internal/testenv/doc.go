// Package testenv runs a real control plane for tests and the benchmark: the built etcd and kube-apiserver, the real
// CustomResourceDefinitions of KubeVirt, CDI and Multus, our generated ones, and, for garbage collection, the real
// kube-controller-manager. Managers and the simulator run beside it in the test process.
//
// There is no kubelet and no KubeVirt: a test writes itself what they would write, as the status of an object. The
// end-to-end suites cover what a guest does. Tests use this package through testkit.
//
// The programs come from the folder KUBEBUILDER_ASSETS, which 'make test-controlplane' prepares.
package testenv

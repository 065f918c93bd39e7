// Package testenv runs tests of controllers against a real control plane: the built etcd and kube-apiserver, the real
// CustomResourceDefinitions of KubeVirt, CDI and Multus, ours as generated, and where garbage collection is the point the real
// kube-controller-manager.
//
// There is no kubelet and no KubeVirt: what they would write, a test writes itself, as the status of an object. What a guest does is
// for the end-to-end suites.
//
// The programs come from the folder KUBEBUILDER_ASSETS, which 'make test-controlplane' prepares.
package testenv

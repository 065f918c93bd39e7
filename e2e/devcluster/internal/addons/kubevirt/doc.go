// Package kubevirt builds KubeVirt from its Go module and runs it on the dev cluster.
//
// There are two images. The control image has nothing but static binaries: virt-operator, virt-api, virt-controller and
// virt-exportproxy. The launcher image is a Debian root file system with libvirt and QEMU, for virt-handler,
// virt-launcher and virt-exportserver. Each is one layer that several image names share, since virt-operator derives
// the name of every image from its own; the names differ in the user that they run as.
//
// The operator's manifests are made by KubeVirt's own packages (tools/kubevirt/operator-manifests). virt-operator
// installs the rest when it sees the KubeVirt object.
package kubevirt

// Package v1alpha1 is the API of Wukong, group vm.novasphere.dev: virtual machines on KubeVirt, their disks and
// networks, and operations on them.
//
// Every kind can be used alone. All kinds are namespaced, except WukongAddress and WukongHostNetworkPolicy. Kinds refer
// to each other by name and by owner references:
//
//	Wukong                   an application: aggregates the status of its children, creates nothing
//	WukongVM                 a virtual machine; creates WukongDisks and WukongNetworks from its inline templates
//	WukongDisk               a disk: a DataVolume and its PersistentVolumeClaim, or an existing claim
//	WukongNetwork            a network of WukongVMs: a NetworkAttachmentDefinition, or the pod network
//	WukongHostNetworkPolicy  the networks of the nodes that namespaces may use; cluster-scoped
//	WukongAddress            an address that is assigned to a WukongVM; cluster-scoped, created by Wukong
//	WukongImage              a golden image from which disks are created, imported again on a schedule
//	WukongSnapshot           a snapshot of a WukongVM or a disk at a point in time
//	WukongExport             a copy of a disk or snapshot to a place outside of the cluster's storage
//	WukongClone              a new WukongVM or disk from an existing one
//	WukongMigration          a live migration of a running guest to another node
//
// No controller writes a spec field that a user authored. Defaults are schema defaults, or are determined in code and
// reported in status. Condition types and reasons are constants of this package, and part of its API.
//
// The package has no dependency on clients or controllers.
//
// +kubebuilder:object:generate=true
// +groupName=vm.novasphere.dev
package v1alpha1

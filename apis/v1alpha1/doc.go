// Package v1alpha1 holds the API of Wukong, group vm.novasphere.dev: virtual machines on KubeVirt, their disks and
// networks, and what can be done with them.
//
// Every kind works alone, and all but WukongAddress are namespaced. Kinds compose through references and owner references:
//
//	Wukong           an application: aggregates the status of its children, creates nothing
//	WukongVM         a machine; stamps WukongDisks and WukongNetworks from its inline templates
//	WukongDisk       a disk: a DataVolume and its PersistentVolumeClaim, or a claim on an existing one
//	WukongNetwork    a network that machines attach to: a NetworkAttachmentDefinition, or the pod network
//	WukongAddress    an address that a machine has, of the whole cluster; Wukong makes it
//	WukongImage      a golden image that disks start from, kept fresh
//	WukongSnapshot   a point in time of a disk
//	WukongExport     a copy of a disk or snapshot out of the cluster
//	WukongClone      a new machine or disk from an existing one
//	WukongMigration  a move of a running machine to another node
//
// No controller writes a spec field that a user authored. Defaults are schema defaults, or are resolved in code and
// shown in status. Condition types and reasons are constants of this package, and part of its API.
//
// The package has no dependency on clients or controllers.
//
// +kubebuilder:object:generate=true
// +groupName=vm.novasphere.dev
package v1alpha1

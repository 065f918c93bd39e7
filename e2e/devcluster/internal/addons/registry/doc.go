// Package registry is the add-on that serves container images, for imports of disks from a registry.
//
// Its address in the cluster is registry.wukong-devcluster.svc:5000, over plain HTTP, which CDI is told. It has one
// image, guest/tiny:1, a container disk with the tiny guest of package guest. The same image is imported into each
// node, so that a containerDisk volume of that name starts without a pull.
package registry

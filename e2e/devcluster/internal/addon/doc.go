// Package addon is what an add-on of the dev cluster implements, and what it gets to work with.
//
// An add-on is a part that runs on the cluster: KubeVirt, a CSI driver, Multus. It names the recipes of its images,
// applies its manifests and says when it is ready. Before Install is called, the archive image.tar of each of its image
// recipes has been imported into the containerd of each node. Install is idempotent: it runs on every `up`, also on a
// cluster where the add-on is installed already.
package addon

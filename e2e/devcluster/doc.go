// Command devcluster runs a real Kubernetes with a real KubeVirt on one Linux machine, built from source modules.
//
//	devcluster up [--nodes 2] [--without cdi,...]   start what does not run
//	devcluster status                              say what runs
//	devcluster logs [COMPONENT]                     read a log
//	devcluster load-image ARCHIVE                   give every node an image
//	devcluster down                                 end it all and leave the machine as it was
//	devcluster build [RECIPE...] [--assets-dir DIR] build parts into the cache; for KUBEBUILDER_ASSETS
//	devcluster image --binary FILE --ref NAME ...   make an image without a container engine
//
// How it is made, from the bottom up; each package says more in its own documentation:
//
//	internal/progress    shows what is being done, and for how long
//	internal/artifact    the cache: recipes, keys, verification
//	internal/image       image archives
//	internal/component   the recipes of the core; their Go modules are in tools/
//	internal/sandbox     namespaces with an init process and a root of their own
//	internal/network     addresses, links and routes between sandboxes
//	internal/cluster     control plane, nodes, up and down
//	internal/addon       what an add-on is and gets
//	internal/addons/*    the add-ons; addons.go lists them in the order of their installation
//
// docs/devcluster.md is for people who use or extend it.
package main

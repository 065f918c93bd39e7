// Package component lists what the core of the cluster is made of: the recipes of Kubernetes, etcd, containerd, runc,
// the network plugins, CoreDNS and the small programs of our own. Each is a Go module folder in e2e/devcluster/tools.
package component

// Package policystandin enforces NetworkPolicies on a node of the dev cluster, whose network plugin, a chain of the CNI
// project's, enforces none. It stands in for what Cilium, Calico or OVN-Kubernetes do, and is for the dev cluster
// alone.
//
//	compile.go   policies, pods and namespaces -> what may pass to and from each pod of the node; pure
//	nftables.go  what may pass -> one table of the node's firewall, replaced in one transaction
//	agent.go     follows the API server
//
// Pods are routed here, so that every packet of theirs passes the node's forward chain, or its input chain on the way
// to the node itself. By then kube-proxy has put a pod's address in the place of a Service's. What the node sends to
// its own pods passes neither, as Kubernetes wants it. Ports by name are not known.
package policystandin

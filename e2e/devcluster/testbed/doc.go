// Package testbed states in Go what tests may rely on when they run on the dev cluster, and is the only place that
// spells it: the servers inside the cluster and how each of them misbehaves on request, the classes of storage and what
// each can do, the networks of the nodes, the names of the add-ons, where the cluster's files are, who asked the API
// server for what, and how a program, a pod or a node is taken away and brought back.
//
// The dev cluster itself uses the same names where it speaks of the same things in Go. Its manifests spell them once
// more, and tests beside the manifests compare the two.
//
// The package needs little, so that tests which import it are compiled as quickly as before.
package testbed

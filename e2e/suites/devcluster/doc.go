// Package devcluster is the end-to-end suite of the dev cluster's own promises: it starts, survives an interruption and
// the end of a node, and leaves nothing behind. It makes a cluster of its own, beside the one that the other suites run
// on.
//
//	make e2e SUITE=devcluster
package devcluster

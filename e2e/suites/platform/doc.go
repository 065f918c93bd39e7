// Package platform is the end-to-end suite of what the dev cluster itself promises to the other suites: storage, second
// networks and guest images. When it passes and another suite fails, the fault is in Wukong. It needs two nodes.
//
//	make e2e SUITE=platform DEVCLUSTER_FLAGS=--nodes=2
package platform

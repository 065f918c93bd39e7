//go:build controlplane

package wukongnetwork

// Steps are the names of the steps of a pass.
var Steps = steps.Names()

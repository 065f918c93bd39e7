//go:build controlplane

package wukongimage

// Steps are the names of the steps of a pass.
var Steps = steps.Names()

//go:build controlplane

package wukongexport

// Steps are the names of the steps of a pass.
var Steps = steps.Names()

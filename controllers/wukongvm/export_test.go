//go:build controlplane

package wukongvm

// Steps are the names of the steps of a pass.
var Steps = steps.Names()

//go:build controlplane

package wukongdisk

// Steps are the names of the steps of a pass.
var Steps = steps.Names()

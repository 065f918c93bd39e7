//go:build controlplane

package wukongsnapshot

// Steps are the names of the steps of a pass.
var Steps = steps.Names()

//go:build controlplane

package wukongbackup

// Steps are the names of the steps of a pass.
var Steps = steps.Names()

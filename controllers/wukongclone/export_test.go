//go:build controlplane

package wukongclone

// Steps are the names of the steps of a pass.
var Steps = steps.Names()

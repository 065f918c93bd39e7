//go:build controlplane

package wukongmigration

// Steps are the names of the steps of a pass.
var Steps = steps.Names()

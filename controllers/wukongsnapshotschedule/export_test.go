//go:build controlplane

package wukongsnapshotschedule

// Steps are the names of the steps of a pass.
var Steps = steps.Names()

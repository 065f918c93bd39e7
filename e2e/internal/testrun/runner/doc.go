// Package runner runs the three layers of test in order: unit, control plane, end to end. A layer that this machine
// cannot run is skipped and the reason printed; with CI=true it fails instead, so that a green run there means that all
// of it ran.
//
// make builds and starts what tests need, so that a person can do each step alone; this package starts make, runs the
// tests, measures, and reports. Where tests wait more than they compute, what comes later is built meanwhile.
package runner

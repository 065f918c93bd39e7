// Package calibration measures how fast this machine is at the moment, next to the machine on which the patience and
// the budgets of the tests were chosen. It stands for what the tests of the control plane and the dev cluster mostly do
// with a processor: hash, keep maps, sort and encode, on all processors at a time. What other programs take from the
// processors counts too, and is meant to: a test has to wait for them as well.
//
// It says nothing about disks, nor about emulated guests, which get slower in their own way.
package calibration

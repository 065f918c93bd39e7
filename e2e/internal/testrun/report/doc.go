// Package report is what a test run leaves for people and programs: dist/test-times.json, and the tables that are made
// of it. What the seconds of a test are is written in package gotest, and what its waits are in package timing.
package report

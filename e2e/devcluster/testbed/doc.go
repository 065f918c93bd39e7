// Package testbed states what tests on the dev cluster may rely on.
package testbed

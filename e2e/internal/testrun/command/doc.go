// Package command runs other programs so that they end with this one: each has a process group of its own, which is
// interrupted, and killed if it does not end within a while.
package command

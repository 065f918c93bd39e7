// Package model answers questions about Wukong's objects from the objects alone: their names, which disks and claims
// belong together, what may run, and why something is not ready. The controllers decide by the same functions, so
// that a client which imports this package gives the same answers in the same words.
//
// All of it is pure: nothing is read or written, and no client is needed.
package model

// Package disks is the end-to-end suite of disks, golden images and exports, with real storage and real imports: 'make
// e2e SUITE=disks'.
package disks

// Package protection is the end-to-end suite of what is done with whole WukongVMs while they run: 'make e2e
// SUITE=protection'. Today: migrations and clones.
package protection

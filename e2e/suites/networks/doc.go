// Package networks is the end-to-end suite of how machines are reached, with packets between real guests: 'make e2e
// SUITE=networks'.
package networks

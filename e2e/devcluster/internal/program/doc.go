// Package program builds the programs of the e2e module that run inside the dev cluster (e2e/devcluster/cmd), and images with
// nothing but one of them.
package program

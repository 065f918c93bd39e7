// Package program builds the dev cluster's own programs that run inside it (e2e/devcluster/cmd), and images with
// nothing but one of them.
package program

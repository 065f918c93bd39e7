// Package defaultconfig has the kustomize base of Wukong, and the test that it installs what the charts install.
package defaultconfig

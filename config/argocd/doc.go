// Package argocd has the health checks of Wukong's kinds for Argo CD, and their test.
package argocd

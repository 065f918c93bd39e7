// Command network-policy-standin enforces NetworkPolicies on a node of the dev cluster; see package policystandin.
package main

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/novasphere/wukong/e2e/devcluster/internal/nodeagent"
	"github.com/novasphere/wukong/e2e/devcluster/internal/policystandin"
)

func main() {
	nodeagent.Run("network-policy-standin", func(manager ctrl.Manager, node string) error {
		return (&policystandin.Agent{Client: manager.GetClient(), Node: node}).SetupWithManager(manager)
	}, corev1.AddToScheme, networkingv1.AddToScheme)
}

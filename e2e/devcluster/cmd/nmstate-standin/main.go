// Command nmstate-standin does on a node of the dev cluster what NMState's handler does elsewhere; see package
// nmstatestandin.
package main

import (
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/novasphere/wukong/e2e/devcluster/internal/nmstatestandin"
	"github.com/novasphere/wukong/e2e/devcluster/internal/nodeagent"
)

func main() {
	nodeagent.Run("nmstate-standin", func(manager ctrl.Manager, node string) error {
		return (&nmstatestandin.Handler{Client: manager.GetClient(), Node: node}).SetupWithManager(manager)
	}, corev1.AddToScheme, nmstatev1.AddToScheme, nmstatev1beta1.AddToScheme)
}

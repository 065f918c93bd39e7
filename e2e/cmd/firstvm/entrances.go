package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// entrances are the command lines that open the machine's console and a shell by SSH, as they can be typed in any
// folder, and how the first user that cloud-init makes proves who it is.
//
// SSH notes the host's key in the cluster's own folder: the guest makes another one when the cluster is started anew,
// and a note of the old one would keep a person out.
func entrances(cluster testbed.Cluster, vm *v1alpha1.WukongVM) string {
	virtctl := fmt.Sprintf("KUBECONFIG=%s %s", cluster.Kubeconfig(), cluster.Program("virtctl"))
	var text strings.Builder
	fmt.Fprintf(&text, "\nThe console (Ctrl-] leaves it):\n  %s console -n %s %s\n", virtctl, vm.Namespace, vm.Name)
	if vm.Spec.CloudInit == nil || len(vm.Spec.CloudInit.Users) == 0 {
		return text.String()
	}
	user := vm.Spec.CloudInit.Users[0]
	fmt.Fprintf(&text, "SSH:\n  %s ssh -n %s --known-hosts=%s %s@vm/%s\n", virtctl, vm.Namespace,
		filepath.Join(cluster.Folder(), "known_hosts"), user.Name, vm.Name)
	if secret := user.PasswordSecretRef; secret != nil {
		fmt.Fprintf(&text, "Both ask for the password of %s, which is in key %s of Secret %s.\n", user.Name, secret.Key,
			secret.Name)
	}
	return text.String()
}

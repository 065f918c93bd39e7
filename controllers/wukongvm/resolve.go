package wukongvm

import (
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/hostaccess"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/policy"
)

// cloudInitData is what goes into the Secret, or why it cannot be made. Neither is known while a network is not. A guest that runs was set up with it, and takes
// the rest of its changes meanwhile.
type cloudInitData struct {
	data    cloudinit.Data
	known   bool
	problem *cause.Cause
}

// resolve derives from what was read whether disks, networks and cloud-init data are known and ready.
func (o *observation) resolve(vm *v1alpha1.WukongVM) {
	o.resolveMoves(vm)
	o.disksProblem = o.resolveDisks(vm)
	interfaces, networksProblem := o.resolveNetworks(vm)
	o.networksProblem = networksProblem
	o.policy = policy.Make(policy.Inputs{VM: vm, Networks: o.networks, Enforcement: o.enforcement, Runs: o.Guest() != nil})
	o.cloudInit = cloudInitData{}
	if networksProblem != nil && networksProblem.Blocking {
		return
	}
	data, err := cloudinit.Render(cloudinit.Inputs{VM: vm, Secrets: o.secrets, Interfaces: interfaces})
	if err != nil {
		o.cloudInit.problem = cloudInitProblem(err, o.Guest() == nil)
		return
	}
	o.cloudInit.data, o.cloudInit.known = data, true
}

// complete tells whether the content of the VirtualMachine is known.
func (o *observation) complete() bool {
	for _, found := range []*cause.Cause{o.disksProblem, o.networksProblem, o.cloudInit.problem, o.policy.Cause} {
		if found != nil && found.Blocking {
			return false
		}
	}
	return true
}

// networkProblem says why a network is not ready. A running machine takes the rest of its changes meanwhile.
func (o *observation) networkProblem(name string, network *v1alpha1.WukongNetwork) *cause.Cause {
	machineExists := o.Machine != nil
	if network == nil {
		return &cause.Cause{Reason: v1alpha1.ReasonWaitingForNetwork, Blocking: o.Guest() == nil,
			Message: fmt.Sprintf("WukongNetwork %s does not exist; create it, or correct networkRef", name)}
	}
	if !network.DeletionTimestamp.IsZero() {
		return &cause.Cause{Reason: v1alpha1.ReasonWaitingForNetwork, Blocking: !machineExists,
			Message: fmt.Sprintf("WukongNetwork %s is being deleted; take it out of spec.networks", name)}
	}
	ready := conditions.Ready(network)
	if ready.Status == metav1.ConditionTrue {
		return nil
	}
	return &cause.Cause{
		Reason:   v1alpha1.ReasonWaitingForNetwork,
		Message:  fmt.Sprintf("WukongNetwork %s: %s", name, ready.Message),
		Blocking: !machineExists || hostaccess.Withheld(network) && o.Guest() == nil,
		Waiting:  network.Status.Phase != v1alpha1.NetworkError,
	}
}

func cloudInitProblem(err error, blocking bool) *cause.Cause {
	found := &cause.Cause{Reason: v1alpha1.ReasonInvalidSpec, Message: err.Error(), Blocking: blocking}
	var missing *cloudinit.SecretMissingError
	var invalid *cloudinit.SecretInvalidError
	switch {
	case errors.As(err, &missing):
		found.Reason = v1alpha1.ReasonSecretMissing
	case errors.As(err, &invalid):
		found.Reason = v1alpha1.ReasonSecretInvalid
	}
	return found
}

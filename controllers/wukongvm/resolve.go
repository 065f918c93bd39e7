package wukongvm

import (
	"cmp"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/hostaccess"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
)

// problem is why a part of a machine is not ready, as a condition tells it.
type problem struct {
	reason, message string
	// blocking: the VirtualMachine cannot be written, because its content is not known.
	blocking bool
	// waiting: nothing is wrong, it only takes time.
	waiting bool
}

// cloudInitData is what goes into the Secret, or why it cannot be made. Neither is known while a network is not. A guest that runs was set up with it, and takes
// the rest of its changes meanwhile.
type cloudInitData struct {
	data    cloudinit.Data
	known   bool
	problem *problem
}

// resolve derives from what was read whether disks, networks and cloud-init data are known and ready.
func (o *observation) resolve(vm *v1alpha1.WukongVM) {
	o.resolveMoves(vm)
	o.disksProblem = o.resolveDisks(vm)
	interfaces, networksProblem := o.resolveNetworks(vm)
	o.networksProblem = networksProblem
	o.policyProblem = o.resolvePolicy(vm)
	o.cloudInit = cloudInitData{}
	if networksProblem != nil && networksProblem.blocking {
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
	for _, found := range []*problem{o.disksProblem, o.networksProblem, o.cloudInit.problem, o.policyProblem} {
		if found != nil && found.blocking {
			return false
		}
	}
	return true
}

// networkProblem says why a network is not ready. A running machine takes the rest of its changes meanwhile.
func (o *observation) networkProblem(name string, network *v1alpha1.WukongNetwork) *problem {
	machineExists := o.Machine != nil
	if network == nil {
		return &problem{reason: v1alpha1.ReasonWaitingForNetwork, blocking: o.Guest() == nil,
			message: fmt.Sprintf("WukongNetwork %s does not exist; create it, or correct networkRef", name)}
	}
	if !network.DeletionTimestamp.IsZero() {
		return &problem{reason: v1alpha1.ReasonWaitingForNetwork, blocking: !machineExists,
			message: fmt.Sprintf("WukongNetwork %s is being deleted; take it out of spec.networks", name)}
	}
	ready := conditions.Ready(network)
	if ready.Status == metav1.ConditionTrue {
		return nil
	}
	return &problem{
		reason:   v1alpha1.ReasonWaitingForNetwork,
		message:  fmt.Sprintf("WukongNetwork %s: %s", name, ready.Message),
		blocking: !machineExists || hostaccess.Withheld(network) && o.Guest() == nil,
		waiting:  network.Status.Phase != v1alpha1.NetworkError,
	}
}

func cloudInitProblem(err error, blocking bool) *problem {
	found := &problem{reason: v1alpha1.ReasonInvalidSpec, message: err.Error(), blocking: blocking}
	var missing *cloudinit.SecretMissingError
	var invalid *cloudinit.SecretInvalidError
	switch {
	case errors.As(err, &missing):
		found.reason = v1alpha1.ReasonSecretMissing
	case errors.As(err, &invalid):
		found.reason = v1alpha1.ReasonSecretInvalid
	}
	return found
}

// graver returns the problem that a person should see first. It blocks when either does.
func graver(one, two *problem) *problem {
	if one == nil || two == nil {
		return cmp.Or(one, two)
	}
	first := *one
	if two.rank() > one.rank() {
		first = *two
	}
	first.blocking = one.blocking || two.blocking
	return &first
}

func (p *problem) rank() int {
	switch {
	case p.waiting:
		return 1
	case !p.blocking:
		return 2
	default:
		return 3
	}
}

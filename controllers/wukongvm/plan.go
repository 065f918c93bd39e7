package wukongvm

import (
	"errors"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/policy"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

// cloudInitData is what goes into the Secret, or why it cannot be made. Neither is known while a network is not. A guest that runs was set up with it, and takes
// the rest of its changes meanwhile.
type cloudInitData struct {
	data    cloudinit.Data
	known   bool
	problem *cause.Cause
}

// plan is what follows from the world: what each part of the machine is to be, and what keeps it from being so.
type plan struct {
	moves        volumemove.Plan
	disksProblem *cause.Cause
	nics         nics.Plan
	policy       policy.Plan
	cloudInit    cloudInitData
}

// resolve makes the plan, each part from what the parts before it decided.
func (o *observation) resolve(vm *v1alpha1.WukongVM) {
	o.moves = volumemove.Make(volumemove.Inputs{VM: vm, View: o.View, Disks: o.disks, Stall: o.stall, Nodes: o.nodes})
	o.disksProblem = o.diskInputs(vm).Problem()
	o.nics = nics.Make(o.nicInputs(vm))
	o.policy = policy.Make(policy.Inputs{VM: vm, Networks: o.networks, Enforcement: o.enforcement, Runs: o.Guest() != nil})
	o.cloudInit = cloudInitData{}
	if found := o.nics.Problem(); found != nil && found.Blocking {
		return
	}
	data, err := cloudinit.Render(cloudinit.Inputs{VM: vm, Secrets: o.secrets, Interfaces: o.nics.CloudInit()})
	if err != nil {
		o.cloudInit.problem = cloudInitProblem(err, o.Guest() == nil)
		return
	}
	o.cloudInit.data, o.cloudInit.known = data, true
}

// complete tells whether the content of the VirtualMachine is known.
func (o *observation) complete() bool {
	found := o.partsCause()
	return found == nil || !found.Blocking
}

// partsCause is the gravest cause of the parts that the VirtualMachine is made of; nil when all are ready. It blocks when
// any of them does.
func (o *observation) partsCause() *cause.Cause {
	var worst *cause.Cause
	for _, found := range []*cause.Cause{o.disksProblem, o.nics.Problem(), o.cloudInit.problem, o.policy.Cause} {
		worst = cause.Graver(worst, found)
	}
	return worst
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

package cloudinit

import (
	"errors"

	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/child"
)

// Plan is the data, or why it cannot be rendered. The zero value is a plan whose interfaces are not known yet.
type Plan struct {
	Data  Data
	Known bool
	Cause *cause.Cause
}

// Make renders the data. A running guest was set up with the data of its start, and its other changes do not need the
// data: then no cause blocks.
func Make(in Inputs, guestRuns bool) Plan {
	data, err := Render(in)
	if err != nil {
		return Plan{Cause: causeOf(err, !guestRuns)}
	}
	return Plan{Data: data, Known: true}
}

func causeOf(err error, blocking bool) *cause.Cause {
	found := &cause.Cause{Reason: v1alpha1.ReasonInvalidSpec, Message: err.Error(), Blocking: blocking}
	var missing *SecretMissingError
	var invalid *SecretInvalidError
	switch {
	case errors.As(err, &missing):
		found.Reason = v1alpha1.ReasonSecretMissing
	case errors.As(err, &invalid):
		found.Reason = v1alpha1.ReasonSecretInvalid
	}
	return found
}

// Secret returns the Secret with the data, under the keys that KubeVirt reads.
func (p Plan) Secret(vm *v1alpha1.WukongVM) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: child.Metadata(vm, model.CloudInitSecretName(vm), nil),
		Data:       map[string][]byte{"userdata": p.Data.UserData, "networkdata": p.Data.NetworkData},
	}
}

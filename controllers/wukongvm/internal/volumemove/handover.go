package volumemove

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/types"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Handover is a volume that was given to KubeVirt to migrate. It is in an annotation of the VirtualMachine, written in
// one request with the new claim, so that the two always agree.
type Handover struct {
	// Volume is the name in the VirtualMachine, Disk the WukongDisk.
	Volume string `json:"volume"`
	Disk   string `json:"disk"`
	From   string `json:"from"`
	To     string `json:"to"`
	// Instance is the one that ran when the volume was handed over. Another instance with the new claim did not get it
	// by a migration: it started on it, and the claim may be empty.
	Instance types.UID `json:"instance"`
	// Done: the new claim has all that the guest wrote.
	Done bool `json:"done,omitempty"`
}

// Handovers reads the annotation. An invalid one counts as none; at worst, moves then become undecided.
func Handovers(virtualMachine *kubevirtv1.VirtualMachine) []Handover {
	var list []Handover
	if virtualMachine != nil {
		_ = json.Unmarshal([]byte(virtualMachine.Annotations[v1alpha1.AnnotationMoves]), &list)
	}
	return list
}

func encode(list []Handover) map[string]string {
	if len(list) == 0 {
		return nil
	}
	body, _ := json.Marshal(list) // strings and booleans always encode
	return map[string]string{v1alpha1.AnnotationMoves: string(body)}
}

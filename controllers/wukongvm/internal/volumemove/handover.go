package volumemove

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/types"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Handover is a volume that was given to KubeVirt to migrate. It stands in an annotation of the VirtualMachine, written in one request
// with the new claim, so that the two are never apart.
type Handover struct {
	// Volume is the name in the VirtualMachine, Disk the WukongDisk.
	Volume string `json:"volume"`
	Disk   string `json:"disk"`
	From   string `json:"from"`
	To     string `json:"to"`
	// Instance is the one that ran when the volume was given away. Another instance that has the new claim did not get there by a
	// migration: it started on it, and the claim may be empty.
	Instance types.UID `json:"instance"`
	// Done: the new claim has all that the guest wrote.
	Done bool `json:"done,omitempty"`
}

// Handovers reads the annotation. A broken one reads as none, and shows as undecided moves at the worst.
func Handovers(machine *kubevirtv1.VirtualMachine) []Handover {
	var list []Handover
	if machine != nil {
		_ = json.Unmarshal([]byte(machine.Annotations[v1alpha1.AnnotationMoves]), &list)
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

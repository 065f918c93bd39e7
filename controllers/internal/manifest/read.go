// Package manifest reads the WukongVM that a WukongSnapshot keeps in a ControllerRevision.
package manifest

import (
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/read"
)

// Read returns the WukongVM as a snapshot keeps it, with its namespace, name and UID; nil when it keeps none. The
// reader reads from the API server: no cache holds ControllerRevisions.
func Read(
	ctx context.Context, live client.Reader, snapshot *v1alpha1.WukongSnapshot,
) (*v1alpha1.WukongVM, error) {
	machine := snapshot.Status.Machine
	if machine == nil || machine.RevisionName == "" {
		return nil, nil
	}
	revision, err := read.Get(ctx, live, snapshot.Namespace, machine.RevisionName, &appsv1.ControllerRevision{})
	if err != nil || revision == nil || !metav1.IsControlledBy(revision, snapshot) {
		return nil, err
	}
	vm := &v1alpha1.WukongVM{}
	if err := json.Unmarshal(revision.Data.Raw, vm); err != nil {
		return nil, fmt.Errorf("decode ControllerRevision %s: %w", revision.Name, err)
	}
	vm.Namespace, vm.Name, vm.UID = snapshot.Namespace, machine.Name, types.UID(machine.UID)
	return vm, nil
}

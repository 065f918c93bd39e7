// Package manifest makes the ControllerRevision in which a snapshot keeps the manifest of its WukongVM. It reads and
// writes nothing.
package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// maxSize is the largest manifest that is kept, in bytes. A larger one is left out, because a list of
// ControllerRevisions should stay small.
const maxSize = 256 << 10

// Inputs decide what is kept of a WukongVM.
type Inputs struct {
	// Snapshot is the name of the WukongSnapshot.
	Snapshot string
	VM       *v1alpha1.WukongVM
}

// Revision is the ControllerRevision with the manifest; nil when the manifest is too large. The data of a
// ControllerRevision cannot change. A snapshot that cannot begin at once keeps the manifest of a later generation in
// another one.
func (in Inputs) Revision() (*appsv1.ControllerRevision, error) {
	data, err := in.encode()
	if err != nil || len(data) > maxSize {
		return nil, err
	}
	return &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name:      model.Child(in.Snapshot, fmt.Sprintf("machine-%d", in.VM.Generation)),
			Namespace: in.VM.Namespace,
			Labels:    map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue},
		},
		Revision: in.VM.Generation,
		Data:     runtime.RawExtension{Raw: data},
	}, nil
}

// Status is the WukongVM as the status of the snapshot describes it.
func (in Inputs) Status() *v1alpha1.SnapshotMachine {
	described := &v1alpha1.SnapshotMachine{Name: in.VM.Name, UID: string(in.VM.UID), Generation: in.VM.Generation}
	if revision, err := in.Revision(); err == nil && revision != nil {
		described.RevisionName = revision.Name
	}
	return described
}

// encode returns the WukongVM as a user would apply it again: without what the API server and controllers add.
func (in Inputs) encode() ([]byte, error) {
	annotations := maps.Clone(in.VM.Annotations)
	maps.DeleteFunc(annotations, func(key, _ string) bool {
		return key == corev1.LastAppliedConfigAnnotation || strings.HasPrefix(key, v1alpha1.GroupVersion.Group+"/")
	})
	kept := &v1alpha1.WukongVM{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongVM"},
		ObjectMeta: metav1.ObjectMeta{
			Name: in.VM.Name, Namespace: in.VM.Namespace, Labels: in.VM.Labels, Annotations: annotations,
		},
		Spec: in.VM.Spec,
	}
	full, err := json.Marshal(kept)
	if err != nil {
		return nil, fmt.Errorf("encode the manifest of WukongVM %s: %w", in.VM.Name, err)
	}
	return full, nil
}

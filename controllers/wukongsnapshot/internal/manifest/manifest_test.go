package manifest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

func inputs() Inputs {
	return Inputs{Snapshot: "monday", VM: &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "web", UID: "1", Generation: 7, ResourceVersion: "9",
			Labels: map[string]string{"tier": "front"},
			Annotations: map[string]string{
				"note": "kept", v1alpha1.GroupName + "/mark": "of a controller",
				corev1.LastAppliedConfigAnnotation: "{}",
			},
		},
		Status: v1alpha1.WukongVMStatus{ObservedGeneration: 7},
	}}
}

// The manifest can be applied as it is.
func TestTheManifestHasWhatAUserWrote(t *testing.T) {
	revision, err := inputs().Revision()
	require.NoError(t, err)
	assert.Equal(t, "shop/"+model.Child("monday", "machine-7"), revision.Namespace+"/"+revision.Name)
	assert.EqualValues(t, 7, revision.Revision)
	assert.Equal(t, v1alpha1.LabelManagedByValue, revision.Labels[v1alpha1.LabelManagedBy])
	kept := &v1alpha1.WukongVM{}
	require.NoError(t, json.Unmarshal(revision.Data.Raw, kept))
	assert.Equal(t, "WukongVM", kept.Kind)
	assert.Equal(t, metav1.ObjectMeta{
		Namespace: "shop", Name: "web", Labels: map[string]string{"tier": "front"},
		Annotations: map[string]string{"note": "kept"},
	}, kept.ObjectMeta)
	assert.Zero(t, kept.Status)
}

func TestTheStatusNamesTheRevision(t *testing.T) {
	expected := &v1alpha1.SnapshotMachine{
		Name: "web", UID: "1", Generation: 7, RevisionName: model.Child("monday", "machine-7"),
	}
	assert.Equal(t, expected, inputs().Status())

	large := inputs()
	large.VM.Annotations["note"] = strings.Repeat("x", maxSize)
	revision, err := large.Revision()
	require.NoError(t, err)
	assert.Nil(t, revision, "it is too large to be kept")
	expected.RevisionName = ""
	assert.Equal(t, expected, large.Status())
}

package apply

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// A permanent error becomes a condition, a transient one a retry; never both.
func TestPermanent(t *testing.T) {
	resource := schema.GroupResource{Group: "cdi.kubevirt.io", Resource: "datavolumes"}
	tests := map[string]struct {
		err       error
		permanent bool
	}{
		"quota or policy": {apierrors.NewForbidden(resource, "root", errors.New("exceeded quota")), true},
		"schema":          {apierrors.NewInvalid(schema.GroupKind{Kind: "DataVolume"}, "root", nil), true},
		"a webhook":       {apierrors.NewBadRequest("admission webhook denied the request"), true},
		"a conflict":      {apierrors.NewConflict(resource, "root", nil), false},
		"a timeout":       {apierrors.NewTimeoutError("slow", 1), false},
		"overload":        {apierrors.NewTooManyRequests("later", 1), false},
		"a dead webhook":  {apierrors.NewInternalError(errors.New("failed calling webhook")), false},
		"the network":     {errors.New("connection refused"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			classified := Classify("DataVolume", "root", test.err)
			assert.Equal(t, test.permanent, Permanent(classified))
			assert.ErrorIs(t, classified, test.err)
			assert.Contains(t, classified.Error(), "DataVolume root: ")
		})
	}
}

func TestNameConflictSaysWhoseItIs(t *testing.T) {
	nobodys := &metav1.ObjectMeta{Name: "root"}
	assert.EqualError(t, nameConflict("DataVolume", nobodys),
		"DataVolume root already exists and has no owner: it is not changed; rename or remove it, or choose "+
			"another name")

	owned := &metav1.ObjectMeta{Name: "root",
		OwnerReferences: []metav1.OwnerReference{{Kind: "VirtualMachine", Name: "web", Controller: ptr.To(true)}}}
	assert.ErrorContains(t, nameConflict("DataVolume", owned), "belongs to VirtualMachine web")
	assert.True(t, Permanent(nameConflict("DataVolume", owned)))
}

// Fault C.10: an object that is being deleted is no conflict, and the advice is never to remove an object with data.
func TestWhatANameConflictAdvises(t *testing.T) {
	object := func(labels map[string]string, leaves bool) *metav1.PartialObjectMetadata {
		result := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "web-root", Labels: labels}}
		if leaves {
			result.DeletionTimestamp = ptr.To(metav1.Now())
		}
		return result
	}
	managed := map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue}
	leaves := nameConflict("VirtualMachine", object(managed, true))
	assert.Equal(t, v1alpha1.ReasonPending, Reason(leaves))
	assert.Contains(t, leaves.Error(), "this continues when it is deleted")
	orphan := nameConflict("WukongDisk", object(managed, false))
	assert.Equal(t, v1alpha1.ReasonNameConflict, Reason(orphan))
	assert.Contains(t, orphan.Error(),
		"was left behind when its owner was deleted: it is not changed; to use it, refer "+
			"to it by diskRef")
	assert.Contains(t, nameConflict("VirtualMachine", object(managed, false)).Error(), "its disks remain")
	assert.Equal(t, v1alpha1.ReasonApplyRefused,
		Reason(&RefusedError{Kind: "Secret", Name: "web", Err: errors.New("no")}))
}

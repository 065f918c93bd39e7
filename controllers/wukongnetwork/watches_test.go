package wukongnetwork

import (
	"testing"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	"github.com/stretchr/testify/assert"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

func TestAttachmentChange(t *testing.T) {
	versioned := func(attachment *networkv1.NetworkAttachmentDefinition,
		version string) *networkv1.NetworkAttachmentDefinition {
		attachment.ResourceVersion = version
		return attachment
	}
	orphaned := ownAttachment()
	orphaned.OwnerReferences = nil
	replaced := unmanagedAttachment()
	replaced.UID = "another"

	tests := map[string]struct {
		before, after *networkv1.NetworkAttachmentDefinition
		news          bool
	}{
		"ours changes":         {versioned(ownAttachment(), "1"), versioned(ownAttachment(), "2"), true},
		"ours stays":           {versioned(ownAttachment(), "1"), versioned(ownAttachment(), "1"), false},
		"ours loses its owner": {versioned(ownAttachment(), "1"), versioned(orphaned, "2"), true},
		"a foreign one changes": {versioned(unmanagedAttachment(), "1"),
			versioned(unmanagedAttachment(), "2"), false},
		"a foreign one begins to go":   {unmanagedAttachment(), deleting(unmanagedAttachment()), true},
		"a foreign one is another now": {unmanagedAttachment(), replaced, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.news,
				attachmentChange().Update(event.UpdateEvent{ObjectOld: test.before, ObjectNew: test.after}))
		})
	}
	assert.True(t, attachmentChange().Create(event.CreateEvent{Object: unmanagedAttachment()}))
	assert.True(t, attachmentChange().Delete(event.DeleteEvent{Object: unmanagedAttachment()}))
}

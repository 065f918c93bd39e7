package source

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// The VolumeSnapshot of one disk of a WukongVM does not have the name of its WukongSnapshot.
func TestOriginsInAVolumeSnapshot(t *testing.T) {
	ownedBy := func(kind, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{
			OwnerReferences: []metav1.OwnerReference{{Kind: kind, Name: name, Controller: ptr.To(true)}},
		}
	}
	itself := []string{"VolumeSnapshot shop/monday-root", "WukongSnapshot shop/monday-root"}
	for name, row := range map[string]struct {
		object metav1.ObjectMeta
		owner  string
	}{
		"of nobody":             {metav1.ObjectMeta{}, ""},
		"of a WukongSnapshot":   {ownedBy("WukongSnapshot", "monday"), "WukongSnapshot shop/monday"},
		"of its name":           {ownedBy("WukongSnapshot", "monday-root"), ""},
		"of another kind":       {ownedBy("VolumeGroupSnapshot", "monday"), ""},
		"retained, of an owner": {retainedFor("monday/1"), "WukongSnapshot shop/monday"},
	} {
		t.Run(name, func(t *testing.T) {
			row.object.Namespace, row.object.Name = "shop", "monday-root"
			expected := itself
			if row.owner != "" {
				expected = append(expected[:2:2], row.owner)
			}
			var found []string
			for _, origin := range OriginsIn(&row.object) {
				found = append(found, origin.String())
			}
			assert.Equal(t, expected, found)
		})
	}
}

func retainedFor(owner string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.AnnotationRetainedFor: owner}}
}

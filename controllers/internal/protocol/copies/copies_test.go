package copies

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// copyOf returns a DataVolume that replaces a claim, or will.
func copyOf(name, from string, options ...func(*cdiv1.DataVolume)) *cdiv1.DataVolume {
	made := &cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{
		Name: name, Annotations: map[string]string{v1alpha1.AnnotationMovedFrom: from},
	}}
	for _, option := range options {
		option(made)
	}
	return made
}

func annotated(key, value string) func(*cdiv1.DataVolume) {
	return func(made *cdiv1.DataVolume) { made.Annotations[key] = value }
}

var (
	used     = annotated(v1alpha1.AnnotationInUse, "true")
	restored = annotated(v1alpha1.AnnotationRestoredFor, "2026-01-01T00:00:00Z/uid")
	rejected = annotated(v1alpha1.AnnotationRejected, "true")
)

func keeps(claim string) func(*cdiv1.DataVolume) {
	return annotated(v1alpha1.AnnotationKeepPrevious, claim)
}

func bornIn(second int64) func(*cdiv1.DataVolume) {
	return func(made *cdiv1.DataVolume) { made.CreationTimestamp = metav1.NewTime(time.Unix(second, 0)) }
}

// root is a disk whose status names a claim.
func root(claim string) *v1alpha1.WukongDisk {
	return &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Name: "root"}, Status: v1alpha1.WukongDiskStatus{ClaimName: claim},
	}
}

func nameOf(made *cdiv1.DataVolume) string {
	if made == nil {
		return ""
	}
	return made.Name
}

// Only the DataVolumes decide which claim holds the disk.
func TestArrange(t *testing.T) {
	type list = []*cdiv1.DataVolume
	tests := map[string]struct {
		list                                list
		reported                            string
		current, target, restored, previous string
		stale                               []string
	}{
		"never moved":   {current: "root"},
		"is to move":    {list: list{copyOf("b", "root")}, current: "root", target: "b"},
		"moved":         {list: list{copyOf("b", "root", used)}, current: "b"},
		"is to move on": {list: list{copyOf("b", "root", used), copyOf("c", "b")}, current: "b", target: "c"},
		"moved on": {
			list: list{copyOf("b", "root", used), copyOf("c", "b", used)}, current: "c", stale: []string{"b"},
		},
		"in another order": {
			list: list{copyOf("c", "b", used), copyOf("b", "root", used)}, current: "c", stale: []string{"b"},
		},
		"its origin is gone": {list: list{copyOf("c", "b", used)}, current: "c"},
		"never two targets": {
			list:    list{copyOf("b", "root", bornIn(2)), copyOf("c", "root", bornIn(1))},
			current: "root", target: "c", stale: []string{"b"},
		},
		"a target of yesterday": {
			list: list{copyOf("b", "root", used), copyOf("c", "root")}, current: "b", stale: []string{"c"},
		},
		"is to be restored": {list: list{copyOf("b", "root", restored)}, current: "root", restored: "b"},
		"restored, and may go back": {
			list: list{copyOf("b", "a", used), copyOf("c", "b", restored, used, keeps("b"))}, current: "c", previous: "b",
		},
		"restored for good": {
			list: list{copyOf("b", "a", used), copyOf("c", "b", restored, used)}, current: "c", stale: []string{"b"},
		},
		"went back": {
			list:    list{copyOf("b", "a", used), copyOf("c", "b", restored, rejected)},
			current: "b", restored: "c",
		},
		"a request replaced another": {
			list:    list{copyOf("c", "root", restored, bornIn(2)), copyOf("b", "root", restored, bornIn(1))},
			current: "root", restored: "c", stale: []string{"b"},
		},
		"moves and is to be restored": {
			list:    list{copyOf("b", "root"), copyOf("c", "root", restored)},
			current: "root", target: "b", restored: "c",
		},
		"its DataVolume was deleted": {reported: "b", current: "b"},
		"went back to the first": {
			reported: "b", list: list{copyOf("b", "root", restored, rejected)}, current: "root", restored: "b",
		},
		"restored a second time": {
			list: list{
				copyOf("b", "root", restored, used), copyOf("c", "b", restored, used, keeps("b")),
			},
			current: "c", previous: "b",
		},
		"moved after it was restored": {
			list: list{copyOf("b", "root", restored, used), copyOf("c", "b", used)}, current: "c", stale: []string{"b"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			result := Arrange(root(test.reported), test.list)
			assert.Equal(t, test.current, result.Current)
			assert.Equal(t, test.target, nameOf(result.Target), "target")
			assert.Equal(t, test.restored, nameOf(result.Restored), "restored")
			assert.Equal(t, test.previous, nameOf(result.Previous), "previous")
			var stale []string
			for _, one := range result.Stale {
				stale = append(stale, one.Name)
			}
			assert.Equal(t, test.stale, stale)
			all := result.All()
			if result.DataVolume != nil {
				all = append(all, result.DataVolume)
			}
			assert.ElementsMatch(t, test.list, all, "each DataVolume has one role")
		})
	}
}

// The DataVolume that a disk began with has no record, and is found by its name.
func TestTheFirstOneIsKeptToo(t *testing.T) {
	first := copyOf("root", "")
	replaced := Arrange(root(""), []*cdiv1.DataVolume{copyOf("b", "root", restored, used, keeps("root"))})
	replaced.Retire(first)
	assert.Same(t, first, replaced.Previous)
	ended := Arrange(root(""), []*cdiv1.DataVolume{copyOf("b", "root", restored, used)})
	ended.Retire(first)
	assert.Equal(t, []*cdiv1.DataVolume{first}, ended.Stale)
}

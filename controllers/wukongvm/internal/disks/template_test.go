package disks

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// A disk that a user has grown keeps its size, and has its finalizer from the beginning.
func TestFromTemplate(t *testing.T) {
	in := testVM()
	root := &in.VM.Spec.Disks[0]
	root.Template.Labels = map[string]string{"app": "web"}
	made := in.FromTemplate(root)
	assert.Equal(t, "web-root", made.Name)
	assert.Equal(t, []string{v1alpha1.FinalizerDisk}, made.Finalizers)
	assert.Equal(t, "web", made.Labels["app"])
	asked := *root.Template.Spec.Size
	assert.Equal(t, asked.String(), made.Spec.Size.String())
	grown := asked.DeepCopy()
	grown.Add(resource.MustParse("1Gi"))
	in.Disks["web-root"].Spec.Size = ptr.To(grown)
	assert.Equal(t, grown.String(), in.FromTemplate(root).Spec.Size.String())
	assert.Equal(t, asked.String(), root.Template.Spec.Size.String(), "the spec of the WukongVM stays")
	assert.Equal(t, map[string]string{"root": "root", "archive": "archive"}, in.Serials())
}

package addon

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// annotationImages is on the pod template of what the dev cluster applies: the digests of its images on the nodes. The
// tags are always the same, so that nothing else would tell a Deployment that there is a new image for its pods.
const annotationImages = "devcluster.wukong.local/images"

// markImages writes into the pod template of an object, if it has one, which images of the nodes its containers are
// made of.
func markImages(object *unstructured.Unstructured, digests map[string]string) error {
	if object.GroupVersionKind().Group != "apps" {
		return nil
	}
	used := map[string]bool{}
	for _, field := range []string{"initContainers", "containers"} {
		containers, _, err := unstructured.NestedSlice(object.Object, "spec", "template", "spec", field)
		if err != nil {
			return fmt.Errorf("read the containers of %s %s: %w", object.GetKind(), object.GetName(), err)
		}
		for _, container := range containers {
			if container, ok := container.(map[string]any); ok {
				reference, _, _ := unstructured.NestedString(container, "image")
				if digest := digests[reference]; digest != "" {
					used[digest] = true
				}
			}
		}
	}
	if len(used) == 0 {
		return nil
	}
	return unstructured.SetNestedField(object.Object, strings.Join(slices.Sorted(maps.Keys(used)), ","), "spec",
		"template", "metadata", "annotations", annotationImages)
}

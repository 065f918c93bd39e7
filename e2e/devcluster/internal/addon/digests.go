package addon

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ctr is containerd's command line, in the namespace that kubelet uses.
var ctr = []string{"ctr", "--namespace", "k8s.io", "images"}

// annotationImages is on the pod template of what the dev cluster applies: the digests of its images on the nodes. The tags are always the same, so
// that nothing else would tell a Deployment that there is a new image for its pods.
const annotationImages = "devcluster.wukong.local/images"

// nameByDigest gives every image of the node a second name, REPOSITORY@DIGEST, as a pull would have done. KubeVirt starts the target of
// a migration with the container disks of the source by those names, since a tag may have moved in between; no registry answers here.
func (n Node) nameByDigest(ctx context.Context) error {
	digests, err := n.ImageDigests(ctx)
	if err != nil {
		return err
	}
	for tagged, digested := range digestNames(digests) {
		if _, err := n.Exec(ctx, append(slices.Clone(ctr), "tag", "--force", tagged, digested)...); err != nil {
			return fmt.Errorf("name image %s by its digest: %w", tagged, err)
		}
	}
	return nil
}

// ImageDigests are the digests of the images on the node, by their references.
func (n Node) ImageDigests(ctx context.Context) (map[string]string, error) {
	listing, err := n.Exec(ctx, append(slices.Clone(ctr), "list")...)
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	return parseDigests(listing), nil
}

// parseDigests reads the output of `ctr images list`: REF TYPE DIGEST and more.
func parseDigests(listing string) map[string]string {
	digests := map[string]string{}
	for line := range strings.Lines(listing) {
		if fields := strings.Fields(line); len(fields) > 2 && strings.HasPrefix(fields[2], "sha256:") {
			digests[fields[0]] = fields[2]
		}
	}
	return digests
}

// digestNames are the digest names that are missing, by tag.
func digestNames(digests map[string]string) map[string]string {
	missing := map[string]string{}
	for reference, digest := range digests {
		colon := strings.LastIndex(reference, ":")
		isTag := colon > strings.LastIndex(reference, "/") && !strings.Contains(reference, "@") && !strings.HasPrefix(reference, "sha256:")
		if !isTag {
			continue
		}
		digested := reference[:colon] + "@" + digest
		if _, known := digests[digested]; !known {
			missing[reference] = digested
		}
	}
	return missing
}

// markImages writes into the pod template of an object, if it has one, which images of the nodes its containers are made of.
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
	return unstructured.SetNestedField(object.Object, strings.Join(slices.Sorted(maps.Keys(used)), ","), "spec", "template", "metadata", "annotations", annotationImages)
}

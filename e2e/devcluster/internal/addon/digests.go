package addon

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// ctr is containerd's command line, in the namespace that kubelet uses.
var ctr = []string{"ctr", "--namespace", "k8s.io", "images"}

// nameByDigest gives every image of the node a second name, REPOSITORY@DIGEST, as a pull would have done. KubeVirt starts the target of
// a migration with the container disks of the source by those names, since a tag may have moved in between; no registry answers here.
func (n Node) nameByDigest(ctx context.Context) error {
	listing, err := n.Exec(ctx, append(slices.Clone(ctr), "list")...)
	if err != nil {
		return fmt.Errorf("list images: %w", err)
	}
	for tagged, digested := range digestNames(listing) {
		if _, err := n.Exec(ctx, append(slices.Clone(ctr), "tag", "--force", tagged, digested)...); err != nil {
			return fmt.Errorf("name image %s by its digest: %w", tagged, err)
		}
	}
	return nil
}

// digestNames reads the output of `ctr images list` (REF TYPE DIGEST and more) and returns, by tag, the digest names that are missing.
func digestNames(listing string) map[string]string {
	missing, known := map[string]string{}, map[string]bool{}
	for line := range strings.Lines(listing) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		reference, digest := fields[0], fields[2]
		known[reference] = true
		colon := strings.LastIndex(reference, ":")
		isTag := colon > strings.LastIndex(reference, "/") && !strings.Contains(reference, "@") && !strings.HasPrefix(reference, "sha256:")
		if isTag && strings.HasPrefix(digest, "sha256:") {
			missing[reference] = reference[:colon] + "@" + digest
		}
	}
	for tagged, digested := range missing {
		if known[digested] {
			delete(missing, tagged)
		}
	}
	return missing
}

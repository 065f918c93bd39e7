package imagestore

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Run runs a command where containerd is and returns its standard output.
type Run func(ctx context.Context, input io.Reader, arguments ...string) (string, error)

// Images are those of one containerd, in the namespace that kubelet uses.
type Images struct {
	run Run
	ctr []string
}

// At are the images of the containerd that answers at the address; empty is containerd's usual one.
func At(address string, run Run) Images {
	ctr := []string{"ctr", "--namespace", "k8s.io", "images"}
	if address != "" {
		ctr = []string{"ctr", "--address", address, "--namespace", "k8s.io", "images"}
	}
	return Images{run: run, ctr: ctr}
}

func (i Images) call(ctx context.Context, input io.Reader, arguments ...string) (string, error) {
	return i.run(ctx, input, append(append([]string{}, i.ctr...), arguments...)...)
}

// Import imports and unpacks the images of an archive.
//
// Every image gets a second name, REPOSITORY@DIGEST, as a pull would have done. KubeVirt starts the target of a
// migration with the container disks of the source by those names, since a tag may have moved in between; no registry
// answers here.
func (i Images) Import(ctx context.Context, archive io.Reader) error {
	if _, err := i.call(ctx, archive, "import", "--local", "-"); err != nil {
		return err
	}
	digests, err := i.Digests(ctx)
	if err != nil {
		return err
	}
	for tagged, digested := range digestNames(digests) {
		if _, err := i.call(ctx, nil, "tag", "--force", tagged, digested); err != nil {
			return fmt.Errorf("name image %s by its digest: %w", tagged, err)
		}
	}
	return nil
}

// Digests are the digests of the images, by their references.
func (i Images) Digests(ctx context.Context) (map[string]string, error) {
	listing, err := i.call(ctx, nil, "list")
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
		isTag := colon > strings.LastIndex(reference, "/") && !strings.Contains(reference, "@") &&
			!strings.HasPrefix(reference, "sha256:")
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

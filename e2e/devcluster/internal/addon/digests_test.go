package addon

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDigestNames(t *testing.T) {
	const listing = "REF TYPE DIGEST SIZE PLATFORMS LABELS\n" +
		"registry.example:5000/guest/tiny:1 application/vnd.oci.image.manifest.v1+json sha256:aaa 13 MiB linux/amd64 -\n" +
		"wukong.local/pause:1 application/vnd.oci.image.manifest.v1+json sha256:bbb 1 MiB linux/amd64 -\n" +
		"wukong.local/pause@sha256:bbb application/vnd.oci.image.manifest.v1+json sha256:bbb 1 MiB linux/amd64 -\n" +
		"sha256:ccc application/vnd.oci.image.manifest.v1+json sha256:aaa 13 MiB linux/amd64 -\n"
	want := map[string]string{"registry.example:5000/guest/tiny:1": "registry.example:5000/guest/tiny@sha256:aaa"}
	assert.Equal(t, want, digestNames(listing), "only a tag without a digest name gets one; the registry's port is no tag")
}

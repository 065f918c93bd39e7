package imagestore

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
)

func TestDigestNames(t *testing.T) {
	const listing = "REF TYPE DIGEST SIZE PLATFORMS LABELS\n" +
		"registry.example:5000/guest/tiny:1 application/vnd.oci.image.manifest.v1+json sha256:aaa 13 MiB " +
		"linux/amd64 -\n" +
		"wukong.local/pause:1 application/vnd.oci.image.manifest.v1+json sha256:bbb 1 MiB linux/amd64 -\n" +
		"wukong.local/pause@sha256:bbb application/vnd.oci.image.manifest.v1+json sha256:bbb 1 MiB linux/amd64 -\n" +
		"sha256:ccc application/vnd.oci.image.manifest.v1+json sha256:aaa 13 MiB linux/amd64 -\n"
	want := map[string]string{"registry.example:5000/guest/tiny:1": "registry.example:5000/guest/tiny@sha256:aaa"}
	assert.Equal(t, want, digestNames(parseDigests(listing)),
		"only a tag without a digest name gets one; the registry's port is no tag")
}

// TestEachImageDecides is about what makes a store another one: its images, not their order.
func TestEachImageDecides(t *testing.T) {
	one, other := &artifact.Recipe{Name: "one"}, &artifact.Recipe{Name: "other"}
	needs := func(images ...*artifact.Recipe) []*artifact.Recipe {
		all := Recipe(images...).Needs
		require.Equal(t, "containerd-binaries", all[0].Name, "another containerd may keep them in another way")
		return all[1:]
	}
	assert.Equal(t, []*artifact.Recipe{one, other}, needs(one, other))
	assert.Equal(t, []*artifact.Recipe{one, other}, needs(other, one))
	assert.Equal(t, []*artifact.Recipe{one}, needs(one))
}

// store is a folder as containerd leaves it, as far as Place can tell.
func store(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
	}
	write("io.containerd.content.v1.content/blobs/sha256/aaa", "blob", 0o444)
	write("io.containerd.metadata.v1.bolt/meta.db", "metadata", 0o600)
	write("io.containerd.snapshotter.v1.overlayfs/metadata.db", "snapshots", 0o600)
	// A database of an image itself is a file like others.
	write("io.containerd.snapshotter.v1.overlayfs/snapshots/1/fs/lib/own.db", "of an image", 0o644)
	require.NoError(t,
		os.Symlink("/nowhere", filepath.Join(root, "io.containerd.snapshotter.v1.overlayfs/snapshots/1/fs/link")))
	return root
}

func TestNodesShareFilesButNotDatabases(t *testing.T) {
	source, target := store(t), filepath.Join(t.TempDir(), "node1", "containerd")
	require.NoError(t, Place(t.Context(), source, target))
	same := func(name string) bool {
		ours, err := os.Lstat(filepath.Join(target, name))
		require.NoError(t, err)
		theirs, err := os.Lstat(filepath.Join(source, name))
		require.NoError(t, err)
		return os.SameFile(ours, theirs)
	}
	linked, err := sameFileSystem(source, filepath.Dir(target))
	require.NoError(t, err)
	assert.Equal(t, linked, same("io.containerd.content.v1.content/blobs/sha256/aaa"))
	assert.Equal(t, linked, same("io.containerd.snapshotter.v1.overlayfs/snapshots/1/fs/lib/own.db"))
	assert.False(t, same("io.containerd.metadata.v1.bolt/meta.db"), "containerd writes to it")
	assert.False(t, same("io.containerd.snapshotter.v1.overlayfs/metadata.db"), "containerd writes to it")

	require.NoError(t,
		os.WriteFile(filepath.Join(target, "io.containerd.metadata.v1.bolt/meta.db"), []byte("of the node"), 0o600))
	kept, err := os.ReadFile(filepath.Join(source, "io.containerd.metadata.v1.bolt/meta.db"))
	require.NoError(t, err)
	assert.Equal(t, "metadata", string(kept))
	link, err := os.Readlink(filepath.Join(target, "io.containerd.snapshotter.v1.overlayfs/snapshots/1/fs/link"))
	require.NoError(t, err)
	assert.Equal(t, "/nowhere", link)
}

func TestWhatANodeHasIsLeftAlone(t *testing.T) {
	source, target := store(t), filepath.Join(t.TempDir(), "containerd")
	require.NoError(t, os.Mkdir(target, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(target, "own"), nil, 0o600))
	require.NoError(t, Place(t.Context(), source, target))
	items, err := os.ReadDir(target)
	require.NoError(t, err)
	require.Len(t, items, 1)
}

func TestAnInterruptedPlaceIsDoneAgain(t *testing.T) {
	source, target := store(t), filepath.Join(t.TempDir(), "containerd")
	require.NoError(t, os.MkdirAll(filepath.Join(target+".part", "half"), 0o700))
	require.NoError(t, Place(t.Context(), source, target))
	assert.NoDirExists(t, filepath.Join(target, "half"))
	assert.NoDirExists(t, target+".part")
	assert.FileExists(t, filepath.Join(target, "io.containerd.metadata.v1.bolt/meta.db"))
}

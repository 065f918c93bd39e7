package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func writeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), mode))
}

// entries reads a tar file into its headers and contents by name.
func entries(t *testing.T, data []byte) (map[string]*tar.Header, map[string][]byte) {
	t.Helper()
	headers, contents := map[string]*tar.Header{}, map[string][]byte{}
	for reader := tar.NewReader(bytes.NewReader(data)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return headers, contents
		}
		require.NoError(t, err)
		content, err := io.ReadAll(reader)
		require.NoError(t, err)
		headers[header.Name], contents[header.Name] = header, content
	}
}

// layerOf reads the only layer of an image in an archive.
func layerOf(t *testing.T, archive string) []byte {
	t.Helper()
	image, err := tarball.ImageFromPath(archive, nil)
	require.NoError(t, err)
	layers, err := image.Layers()
	require.NoError(t, err)
	require.Len(t, layers, 1)
	content, err := layers[0].Uncompressed()
	require.NoError(t, err)
	defer content.Close()
	data, err := io.ReadAll(content)
	require.NoError(t, err)
	return data
}

func TestImageOfABinarySaysHowToRunIt(t *testing.T) {
	folder := t.TempDir()
	writeFile(t, filepath.Join(folder, "manager"), "program", 0o600)
	archive := filepath.Join(folder, "out", "manager.tar")
	require.NoError(t, FromBinaries(archive, "example.org/manager:v1", "65532", []string{"/bin/manager"},
		map[string]string{"/bin/manager": filepath.Join(folder, "manager")}))

	image, err := tarball.ImageFromPath(archive, nil)
	require.NoError(t, err, "docker load reads it")
	config, err := image.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, "65532", config.Config.User)
	require.Equal(t, []string{"/bin/manager"}, config.Config.Entrypoint)
	headers, contents := entries(t, layerOf(t, archive))
	require.Equal(t, "program", string(contents["bin/manager"]))
	require.Equal(t, int64(0o755), headers["bin/manager"].Mode)
	require.Equal(t, byte(tar.TypeDir), headers["bin/"].Typeflag)
}

func TestArchiveIsAnImageLayoutThatNamesItsImages(t *testing.T) {
	folder := t.TempDir()
	writeFile(t, filepath.Join(folder, "rootfs", "etc", "passwd"), "root", 0o644)
	archive := filepath.Join(folder, Archive)
	require.NoError(t, FromRootfsVariants(archive, filepath.Join(folder, "rootfs"), map[string]Config{
		"example.org/one:v1": {User: "1001"}, "example.org/two:v1": {},
	}))
	data, err := os.ReadFile(archive)
	require.NoError(t, err)
	_, contents := entries(t, data)
	require.Contains(t, contents, "oci-layout")
	var index v1.IndexManifest
	require.NoError(t, json.Unmarshal(contents["index.json"], &index))
	var names []string
	for _, manifest := range index.Manifests {
		names = append(names, manifest.Annotations[containerdName])
		blob := contents[blobPath(manifest.Digest)]
		require.Equal(t, manifest.Digest.Hex, fmt.Sprintf("%x", sha256.Sum256(blob)))
	}
	require.Equal(t, []string{"example.org/one:v1", "example.org/two:v1"}, names)
}

func TestSameFilesGiveTheSameArchive(t *testing.T) {
	archives := [][]byte{}
	for round := range 2 {
		folder := t.TempDir()
		for _, name := range []string{"b", "a", "deep/c"} {
			path := filepath.Join(folder, "rootfs", name)
			writeFile(t, path, name, 0o644)
			changed := time.Now().Add(time.Duration(-round) * time.Hour)
			require.NoError(t, os.Chtimes(path, changed, changed))
		}
		archive := filepath.Join(folder, Archive)
		require.NoError(t, FromRootfs(archive, "example.org/one:v1", filepath.Join(folder, "rootfs"), Config{}))
		data, err := os.ReadFile(archive)
		require.NoError(t, err)
		archives = append(archives, data)
	}
	require.True(t, bytes.Equal(archives[0], archives[1]))
}

func TestRootFileSystemKeepsItsProperties(t *testing.T) {
	root := filepath.Join(t.TempDir(), "rootfs")
	writeFile(t, filepath.Join(root, "bin", "monitor"), "program", 0o755)
	require.NoError(t, os.Chmod(filepath.Join(root, "bin", "monitor"), 0o755|os.ModeSetuid))
	require.NoError(t, os.Link(filepath.Join(root, "bin", "monitor"), filepath.Join(root, "bin", "same")))
	require.NoError(t, os.Symlink("../run", filepath.Join(root, "var-run")))
	// user.* needs no rights; file capabilities travel the same way.
	err := unix.Setxattr(filepath.Join(root, "bin", "monitor"), "user.mark", []byte{1, 0, 2}, 0)
	if err == unix.ENOTSUP {
		t.Log("the file system has no extended attributes")
	} else {
		require.NoError(t, err)
	}
	archive := filepath.Join(filepath.Dir(root), Archive)
	require.NoError(t, FromRootfs(archive, "example.org/one:v1", root, Config{}))

	headers, _ := entries(t, layerOf(t, archive))
	monitor := headers["bin/monitor"]
	require.Equal(t, int64(0o4755), monitor.Mode)
	require.Equal(t, os.Geteuid(), monitor.Uid)
	require.Empty(t, monitor.Uname)
	if err == nil {
		require.Equal(t, "\x01\x00\x02", monitor.PAXRecords["SCHILY.xattr.user.mark"])
	}
	require.Equal(t, byte(tar.TypeLink), headers["bin/same"].Typeflag)
	require.Equal(t, "bin/monitor", headers["bin/same"].Linkname)
	require.Equal(t, "../run", headers["var-run"].Linkname)
}

func TestCapabilitiesOfAFileAreInItsEntry(t *testing.T) {
	folder := t.TempDir()
	writeFile(t, filepath.Join(folder, "monitor"), "program", 0o755)
	archive := filepath.Join(folder, Archive)
	require.NoError(t, FromFiles(archive, "example.org/one:v1", Config{Compress: true}, map[string]File{
		"/monitor": {Source: filepath.Join(folder, "monitor"), Capabilities: []byte("caps")},
	}))
	headers, _ := entries(t, layerOf(t, archive))
	require.Equal(t, "caps", headers["monitor"].PAXRecords["SCHILY.xattr.security.capability"])
}

func TestMissingFileIsNamed(t *testing.T) {
	err := FromBinaries(filepath.Join(t.TempDir(), Archive), "one", "", nil,
		map[string]string{"/one": "/does/not/exist"})
	require.ErrorContains(t, err, "/does/not/exist")
}

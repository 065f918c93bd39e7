package image

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Archive is the file name under which a recipe that makes an image leaves it in its folder.
const Archive = "image.tar"

// epoch is the time of every file and of the image itself, so that archives are reproducible.
var epoch = time.Unix(0, 0).UTC()

// Config is what the image says about how to run it.
type Config struct {
	User       string            // "65532", "107:107" or a name of the image's own /etc/passwd; empty is root
	Entrypoint []string          // the program and its first arguments
	Command    []string          // the arguments that follow, which a pod's args replace
	Env        []string          // NAME=VALUE
	WorkingDir string            // empty is the root folder
	Labels     map[string]string // of the image's configuration
	Compress   bool              // gzip the layers, for archives that travel
}

// File is one file for FromFiles.
type File struct {
	Source string      // path on this machine
	Mode   os.FileMode // permissions in the image; zero is those of the source
	// Capabilities is the value of the extended attribute security.capability, empty for none.
	Capabilities []byte
}

// FromBinaries writes to archive an image made of nothing but the given files (destination in the image to source on
// this machine), all executable, owned by root. The reference is the image's name with its tag; user is Config.User.
func FromBinaries(archive, reference, user string, entrypoint []string, files map[string]string) error {
	return FromFiles(archive, reference, Config{User: user, Entrypoint: entrypoint}, executables(files))
}

func executables(files map[string]string) map[string]File {
	all := make(map[string]File, len(files))
	for destination, source := range files {
		all[destination] = File{Source: source, Mode: 0o755}
	}
	return all
}

// FromFiles is FromBinaries with a full Config and a mode for each file; a mode of zero is that of the source. Folders
// above the files are made.
func FromFiles(archive, reference string, config Config, files map[string]File) error {
	return write(archive, config, []string{reference}, func(layer *os.File) error {
		return tarFiles(layer, files)
	})
}

// FromRootfs writes to archive an image of one layer with everything in a folder, or in an uncompressed tar file:
// modes, numeric owners, hard links, devices and extended attributes stay as they are. Sockets are left out. Files of
// other owners need root.
func FromRootfs(archive, reference, rootfs string, config Config) error {
	return FromRootfsVariants(archive, rootfs, map[string]Config{reference: config})
}

// FromRootfsVariants writes one archive with several images that share one layer and differ in their Config, keyed by
// reference. The layer is stored once.
func FromRootfsVariants(archive, rootfs string, variants map[string]Config) (err error) {
	info, err := os.Stat(rootfs)
	if err != nil {
		return fmt.Errorf("image %s: %w", archive, err)
	}
	layerPath := rootfs
	if info.IsDir() {
		layerPath = archive + ".layer"
		defer func() { err = errors.Join(err, os.RemoveAll(layerPath)) }()
		if err := tarFolderTo(layerPath, rootfs); err != nil {
			return fmt.Errorf("image %s: %w", archive, err)
		}
	}
	var images []named
	for _, reference := range sortedKeys(variants) {
		config := variants[reference]
		layer, err := openLayer(layerPath, config.Compress)
		if err != nil {
			return fmt.Errorf("image %s: %w", reference, err)
		}
		built, err := assemble(layer, config)
		if err != nil {
			return fmt.Errorf("image %s: %w", reference, err)
		}
		images = append(images, named{reference: reference, image: built})
	}
	return writeArchive(archive, images)
}

func write(archive string, config Config, references []string, fill func(layer *os.File) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(archive), 0o755); err != nil {
		return fmt.Errorf("image %s: %w", archive, err)
	}
	layerPath := archive + ".layer"
	defer func() { err = errors.Join(err, os.RemoveAll(layerPath)) }()
	file, err := os.Create(layerPath)
	if err != nil {
		return fmt.Errorf("image %s: %w", archive, err)
	}
	if err := errors.Join(fill(file), file.Close()); err != nil {
		return fmt.Errorf("image %s: write layer: %w", archive, err)
	}
	layer, err := openLayer(layerPath, config.Compress)
	if err != nil {
		return fmt.Errorf("image %s: %w", archive, err)
	}
	built, err := assemble(layer, config)
	if err != nil {
		return fmt.Errorf("image %s: %w", archive, err)
	}
	images := make([]named, 0, len(references))
	for _, reference := range references {
		images = append(images, named{reference: reference, image: built})
	}
	return writeArchive(archive, images)
}

func openLayer(path string, compress bool) (v1.Layer, error) {
	if compress {
		return tarball.LayerFromFile(path, tarball.WithMediaType(types.OCILayer))
	}
	return newPlainLayer(path)
}

func assemble(layer v1.Layer, config Config) (v1.Image, error) {
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	withLayer, err := mutate.AppendLayers(base, layer)
	if err != nil {
		return nil, err
	}
	file, err := withLayer.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.Architecture, file.OS = runtime.GOARCH, "linux"
	file.Created = v1.Time{Time: epoch}
	file.Config = v1.Config{
		User: config.User, Entrypoint: config.Entrypoint, Cmd: config.Command,
		Env: config.Env, WorkingDir: config.WorkingDir, Labels: config.Labels,
	}
	return mutate.ConfigFile(withLayer, file)
}

package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Annotations that name an image in an OCI layout: containerd's own, and the one of the specification.
const (
	containerdName = "io.containerd.image.name"
	ociName        = "org.opencontainers.image.ref.name"
)

type named struct {
	reference string
	image     v1.Image
}

// writeArchive writes an OCI image layout with the images into one tar file. The file appears under its name when
// complete.
func writeArchive(archive string, images []named) (err error) {
	if err := os.MkdirAll(filepath.Dir(archive), 0o755); err != nil {
		return fmt.Errorf("image archive %s: %w", archive, err)
	}
	folder, err := os.MkdirTemp(filepath.Dir(archive), ".layout-")
	if err != nil {
		return fmt.Errorf("image archive %s: %w", archive, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := writeLayout(folder, images); err != nil {
		return fmt.Errorf("image archive %s: %w", archive, err)
	}
	out, err := os.Create(filepath.Join(filepath.Dir(archive), "."+filepath.Base(archive)+".new"))
	if err != nil {
		return fmt.Errorf("image archive %s: %w", archive, err)
	}
	if err := errors.Join(tarLayout(out, folder), out.Close()); err != nil {
		return errors.Join(fmt.Errorf("image archive %s: %w", archive, err), os.Remove(out.Name()))
	}
	return os.Rename(out.Name(), archive)
}

func writeLayout(folder string, images []named) error {
	target, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	docker := make([]tarball.Descriptor, 0, len(images))
	for _, one := range images {
		annotations := layout.WithAnnotations(map[string]string{containerdName: one.reference, ociName: one.reference})
		if err := target.AppendImage(one.image, annotations); err != nil {
			return fmt.Errorf("add %s: %w", one.reference, err)
		}
		descriptor, err := dockerDescriptor(one)
		if err != nil {
			return fmt.Errorf("describe %s: %w", one.reference, err)
		}
		docker = append(docker, descriptor)
	}
	data, err := json.Marshal(docker)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "manifest.json"), data, 0o644)
}

// dockerDescriptor is the image's entry in manifest.json, which points into the blobs of the OCI layout.
func dockerDescriptor(one named) (tarball.Descriptor, error) {
	config, err := one.image.ConfigName()
	if err != nil {
		return tarball.Descriptor{}, err
	}
	layers, err := one.image.Layers()
	if err != nil {
		return tarball.Descriptor{}, err
	}
	descriptor := tarball.Descriptor{Config: blobPath(config), RepoTags: []string{one.reference}}
	for _, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return tarball.Descriptor{}, err
		}
		descriptor.Layers = append(descriptor.Layers, blobPath(digest))
	}
	return descriptor, nil
}

func blobPath(digest v1.Hash) string { return "blobs/" + digest.Algorithm + "/" + digest.Hex }

func tarLayout(out io.Writer, folder string) error {
	files := map[string]File{}
	err := filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		relative, err := filepath.Rel(folder, path)
		files[relative] = File{Source: path, Mode: 0o644}
		return err
	})
	if err != nil {
		return err
	}
	return tarFiles(out, files)
}

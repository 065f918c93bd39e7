package mover

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/novasphere/wukong/mover/internal/disk"
)

// diskUser owns the file in the image: QEMU's user in KubeVirt's pods, which must be able to read it (KubeVirt's user
// guide, "Containerdisk workflow example").
const diskUser = 107

// registryTarget is an image in a registry.
type registryTarget struct {
	reference name.Reference
	transport *http.Transport
	keychain  authn.Keychain
}

type registryOptions struct {
	image    string
	insecure bool
	// credentials and certificates are folders.
	credentials, certificates string
}

func newRegistryTarget(options registryOptions) (*registryTarget, error) {
	var parsing []name.Option
	if options.insecure {
		parsing = append(parsing, name.Insecure)
	}
	reference, err := name.ParseReference(strings.TrimPrefix(options.image, "docker://"), parsing...)
	if err != nil {
		return nil, err
	}
	transport, err := newTransport(options.certificates)
	if err != nil {
		return nil, err
	}
	keychain, err := newKeychain(options.credentials)
	if err != nil {
		return nil, err
	}
	return &registryTarget{reference: reference, transport: transport, keychain: keychain}, nil
}

// newKeychain reads the Secret: user and password, or the file of a docker login. Without a Secret there is no folder.
func newKeychain(folder string) (authn.Keychain, error) {
	if _, err := os.Stat(folder); os.IsNotExist(err) {
		return anonymous{}, nil
	}
	if _, err := os.Stat(filepath.Join(folder, DockerConfigFile)); err == nil {
		// Only authn's own keychain reads all that this file may contain.
		if err := os.Setenv("DOCKER_CONFIG", folder); err != nil {
			return nil, err
		}
		return authn.DefaultKeychain, nil
	}
	user, err := credential(folder, AccessKeyFile)
	if err != nil {
		return nil, err
	}
	password, err := credential(folder, SecretKeyFile)
	if err != nil {
		return nil, err
	}
	return fixed{authn.FromConfig(authn.AuthConfig{Username: user, Password: password})}, nil
}

type fixed struct{ authn.Authenticator }

// Resolve implements authn.Keychain.
func (f fixed) Resolve(authn.Resource) (authn.Authenticator, error) { return f.Authenticator, nil }

type anonymous struct{}

// Resolve implements authn.Keychain.
func (anonymous) Resolve(authn.Resource) (authn.Authenticator, error) { return authn.Anonymous, nil }

// send writes the file as a container disk. It is read twice before: a registry needs the digest before the bytes. The
// right to push is checked first.
func (r *registryTarget) send(
	ctx context.Context, image disk.Image, fileName string, compressed bool, track *tracker,
) error {
	repository := r.reference.Context()
	if err := remote.CheckPushPermission(r.reference, r.keychain, r.transport); err != nil {
		return explain(repository.RegistryStr(), err)
	}
	track.plan(3 * image.Size())
	file, err := measure(ctx, image, false, track.advance)
	if err != nil {
		return err
	}
	archive, err := archived(fileName, image)
	if err != nil {
		return err
	}
	content, err := measure(ctx, archive, compressed, track.advance)
	if err != nil {
		return err
	}
	result, err := containerDisk(&layer{ctx: ctx, content: content, archive: archive, compressed: compressed})
	if err != nil {
		return err
	}
	if err := r.push(ctx, result, content, track.advance); err != nil {
		return explain(repository.RegistryStr(), err)
	}
	digest, err := result.Digest()
	if err != nil {
		return err
	}
	track.update(func() {
		track.report = Report{Percent: 100, SizeBytes: image.Size(), Checksum: file.sum,
			Location: repository.Name() + "@" + digest.String()}
	})
	return nil
}

// push sends the layer, and then the manifest and configuration of the image.
func (r *registryTarget) push(ctx context.Context, image v1.Image, content *measured, observe func(int64)) error {
	upload, err := newBlobUpload(ctx, r.reference.Context(), r.transport, r.keychain)
	if err != nil {
		return err
	}
	upload.content, upload.digest, upload.observe = content, content.sum, observe
	if err := upload.send(ctx); err != nil {
		return err
	}
	return remote.Write(r.reference, image, remote.WithContext(ctx), remote.WithTransport(r.transport),
		remote.WithAuthFromKeychain(r.keychain))
}

// containerDisk returns an image of one layer.
func containerDisk(content v1.Layer) (v1.Image, error) {
	image, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1),
		types.OCIConfigJSON), content)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	// Its content runs in a guest, not in a container: any node may pull it.
	config.OS, config.Architecture = "linux", runtime.GOARCH
	return mutate.ConfigFile(image, config)
}

// archived returns a tar file with /disk/<name>, where KubeVirt and CDI look for it.
func archived(fileName string, image disk.Image) (disk.Image, error) {
	var header bytes.Buffer
	writer := tar.NewWriter(&header)
	err := writer.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "disk/", Mode: 0o755, Uid: diskUser,
		Gid: diskUser, Format: tar.FormatPAX})
	if err != nil {
		return nil, err
	}
	err = writer.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: "disk/" + fileName, Size: image.Size(), Mode: 0o440, Uid: diskUser,
		Gid: diskUser, Format: tar.FormatPAX,
	})
	if err != nil {
		return nil, err
	}
	// A tar file is padded to blocks of 512 bytes and ends with two empty ones.
	const block = 512
	end := make([]byte, (block-image.Size()%block)%block+2*block)
	return disk.Joined{fixedContent(header.Bytes()), image, fixedContent(end)}, nil
}

func fixedContent(content []byte) disk.Image {
	return io.NewSectionReader(bytes.NewReader(content), 0, int64(len(content)))
}

// layer is a file of known digests as a layer of an image.
type layer struct {
	ctx        context.Context
	content    *measured
	archive    disk.Image
	compressed bool
}

var _ v1.Layer = &layer{}

// Digest implements v1.Layer.
func (l *layer) Digest() (v1.Hash, error) { return v1.NewHash(l.content.sum) }

// DiffID implements v1.Layer.
func (l *layer) DiffID() (v1.Hash, error) { return v1.NewHash(l.content.plain) }

// Compressed implements v1.Layer: the layer as it is sent.
func (l *layer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(disk.Reader(l.ctx, l.content, nil)), nil
}

// Uncompressed implements v1.Layer.
func (l *layer) Uncompressed() (io.ReadCloser, error) {
	return io.NopCloser(disk.Reader(l.ctx, l.archive, nil)), nil
}

// Size implements v1.Layer.
func (l *layer) Size() (int64, error) { return l.content.Size(), nil }

// MediaType implements v1.Layer.
func (l *layer) MediaType() (types.MediaType, error) {
	if l.compressed {
		return types.OCILayer, nil
	}
	return types.OCIUncompressedLayer, nil
}

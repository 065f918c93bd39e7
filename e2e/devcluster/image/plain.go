package image

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// plainLayer is a layer that is kept as it is, a tar file without compression. The library's own layers are always
// compressed.
type plainLayer struct {
	path   string
	digest v1.Hash
	size   int64
}

var _ v1.Layer = plainLayer{}

func newPlainLayer(path string) (v1.Layer, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	digest := sha256.New()
	size, err := io.Copy(digest, file)
	if err != nil {
		return nil, fmt.Errorf("sum layer: %w", err)
	}
	return plainLayer{
		path: path, size: size, digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(digest.Sum(nil))},
	}, nil
}

// Digest implements v1.Layer.
func (l plainLayer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID implements v1.Layer.
func (l plainLayer) DiffID() (v1.Hash, error) { return l.digest, nil }

// Compressed implements v1.Layer. It is what an archive stores.
func (l plainLayer) Compressed() (io.ReadCloser, error) { return os.Open(l.path) }

// Uncompressed implements v1.Layer.
func (l plainLayer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }

// Size implements v1.Layer.
func (l plainLayer) Size() (int64, error) { return l.size, nil }

// MediaType implements v1.Layer.
func (plainLayer) MediaType() (types.MediaType, error) { return types.OCIUncompressedLayer, nil }

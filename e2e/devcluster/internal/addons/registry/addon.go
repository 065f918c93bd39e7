package registry

import (
	"context"
	_ "embed"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/internal/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/image"
)

const (
	namespace     = "wukong-devcluster"
	readyPatience = 2 * time.Minute
)

//go:embed manifest.yaml
var manifest []byte

// Addon serves container images.
type Addon struct{}

var _ addon.Addon = Addon{}

// Name implements addon.Addon.
func (Addon) Name() string { return "registry" }

// Images implements addon.Addon.
func (Addon) Images() []*artifact.Recipe { return []*artifact.Recipe{serverImageRecipe(), tinyDisk()} }

// Install implements addon.Addon.
func (Addon) Install(ctx context.Context, cluster *addon.Cluster) error {
	if err := cluster.ApplyYAML(ctx, manifest); err != nil {
		return fmt.Errorf("install the registry: %w", err)
	}
	return nil
}

// Ready implements addon.Addon. The registry is ready when it has the image, which a new pod of it lacks.
func (Addon) Ready(ctx context.Context, cluster *addon.Cluster) error {
	if err := cluster.WaitWorkloads(ctx, readyPatience, namespace, serverProgram); err != nil {
		return err
	}
	folder, err := cluster.Store.Ensure(ctx, tinyDisk())
	if err != nil {
		return err
	}
	archive := filepath.Join(folder, image.Archive)
	return addon.WaitFor(ctx, readyPatience, "push "+TinyDisk, func(ctx context.Context) (string, error) {
		address, err := podAddress(ctx, cluster)
		if err != nil || address == "" {
			return "the registry has no pod with an address", err
		}
		if err := push(ctx, archive, address); err != nil {
			return err.Error(), nil // the pod may have ended a moment ago
		}
		return "", nil
	})
}

func podAddress(ctx context.Context, cluster *addon.Cluster) (string, error) {
	var pods corev1.PodList
	if err := cluster.Client.List(ctx, &pods, client.InNamespace(namespace), client.MatchingLabels{"app": serverProgram}); err != nil {
		return "", fmt.Errorf("find the registry's pod: %w", err)
	}
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil && pod.Status.Phase == corev1.PodRunning {
			return pod.Status.PodIP, nil
		}
	}
	return "", nil
}

// push writes the image of an archive to the registry at a pod's address, which this machine reaches and whose name it does not know.
func push(ctx context.Context, archive, address string) error {
	inCluster, err := name.ParseReference(TinyDisk, name.Insecure)
	if err != nil {
		return err
	}
	host, err := name.NewRegistry(address+":5000", name.Insecure)
	if err != nil {
		return err
	}
	source, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		return fmt.Errorf("read %s: %w", archive, err)
	}
	target := host.Repo(inCluster.Context().RepositoryStr()).Tag(inCluster.Identifier())
	return remote.Write(target, source, remote.WithContext(ctx))
}

// Package coredns is the name server of the cluster.
package coredns

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"text/template"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/internal/component"
)

const patience = 2 * time.Minute

//go:embed manifest.yaml
var manifest string

// Addon installs CoreDNS. It answers for the cluster's own names alone: the cluster has no way out.
type Addon struct{}

// Name implements addon.Addon.
func (Addon) Name() string { return "coredns" }

// Images implements addon.Addon.
func (Addon) Images() []*artifact.Recipe { return []*artifact.Recipe{component.CoreDNSArchive()} }

// Install implements addon.Addon.
func (Addon) Install(ctx context.Context, cluster *addon.Cluster) error {
	address, err := serviceAddress(ctx, cluster)
	if err != nil {
		return err
	}
	parsed, err := template.New("coredns").Parse(manifest)
	if err != nil {
		return fmt.Errorf("coredns manifest: %w", err)
	}
	var text bytes.Buffer
	// The checksum makes pods of a changed configuration new ones.
	checksum := fmt.Sprintf("%x", sha256.Sum256([]byte(manifest)))
	values := map[string]string{"Image": component.CoreDNSImage, "ClusterIP": address, "Checksum": checksum}
	if err := parsed.Execute(&text, values); err != nil {
		return fmt.Errorf("coredns manifest: %w", err)
	}
	return cluster.ApplyYAML(ctx, text.Bytes())
}

// Ready implements addon.Addon.
func (Addon) Ready(ctx context.Context, cluster *addon.Cluster) error {
	return cluster.WaitWorkloads(ctx, patience, "kube-system", "coredns")
}

// serviceAddress is the tenth address of the service subnet, which kubelet gives to pods as their name server. The API
// server's own service has the first.
func serviceAddress(ctx context.Context, cluster *addon.Cluster) (string, error) {
	var address string
	err := addon.WaitFor(ctx, patience, "wait for the service kubernetes", func(ctx context.Context) (string, error) {
		var service corev1.Service
		err := cluster.Client.Get(ctx, client.ObjectKey{Namespace: "default", Name: "kubernetes"}, &service)
		if client.IgnoreNotFound(err) != nil {
			return "", err
		}
		if err != nil {
			return "it does not exist yet", nil
		}
		address = service.Spec.ClusterIP + "0"
		return "", nil
	})
	return address, err
}

package multus

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
)

const (
	namespace  = "kube-system"
	tokenName  = "multus-token"
	pluginName = "multus"
	// defaultConfig is the cluster's own network on each node; ours sorts before it, and containerd takes the first.
	defaultConfig  = "/etc/cni/net.d/10-wukong.conflist"
	ownConfig      = "/etc/cni/net.d/00-multus.conf"
	kubeconfigPath = "/etc/cni/net.d/multus.d/multus.kubeconfig"
	pluginPath     = "/opt/cni/bin/" + pluginName
	patience       = time.Minute
)

//go:embed manifest.yaml
var manifest []byte

// Addon installs Multus and the bridge br-lan.
type Addon struct{}

var (
	_ addon.Addon               = Addon{}
	_ addon.WithAssets          = Addon{}
	_ addon.WithNodePreparation = Addon{}
)

// Name implements addon.Addon.
func (Addon) Name() string { return "multus" }

// Images implements addon.Addon.
func (Addon) Images() []*artifact.Recipe { return nil }

// Assets implements addon.WithAssets.
func (Addon) Assets() []*artifact.Recipe { return []*artifact.Recipe{program()} }

func program() *artifact.Recipe { return artifact.GoTools(pluginName, artifact.GoOptions{}) }

// PrepareNode implements addon.WithNodePreparation.
func (Addon) PrepareNode(ctx context.Context, cluster *addon.Cluster, node addon.Node) error {
	folder, err := cluster.Store.Ensure(ctx, program())
	if err != nil {
		return err
	}
	content, err := os.ReadFile(filepath.Join(folder, "bin", pluginName))
	if err != nil {
		return err
	}
	if err := node.WriteFile(pluginPath, content, 0o755); err != nil {
		return err
	}
	return connectLAN(ctx, cluster.Nodes, node)
}

// Install implements addon.Addon.
func (Addon) Install(ctx context.Context, cluster *addon.Cluster) error {
	if err := cluster.ApplyYAML(ctx, manifest); err != nil {
		return fmt.Errorf("install Multus: %w", err)
	}
	kubeconfig, err := credentials(ctx, cluster)
	if err != nil {
		return err
	}
	return cluster.OnEveryNode(ctx, func(ctx context.Context, node addon.Node) error {
		if err := node.WriteFile(kubeconfigPath, kubeconfig, 0o600); err != nil {
			return err
		}
		return configure(ctx, node)
	})
}

// Ready implements addon.Addon. The plugin is a program that answers when it is run, so what has to be there is its
// kind.
func (Addon) Ready(ctx context.Context, cluster *addon.Cluster) error {
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("k8s.cni.cncf.io/v1")
	list.SetKind("NetworkAttachmentDefinitionList")
	return addon.WaitFor(ctx, patience, "wait for NetworkAttachmentDefinitions",
		func(ctx context.Context) (string, error) {
			if err := cluster.Client.List(ctx, list, client.Limit(1)); err != nil {
				return err.Error(), nil
			}
			return "", nil
		})
}

// credentials is a kubeconfig with the token of Multus's service account.
func credentials(ctx context.Context, cluster *addon.Cluster) ([]byte, error) {
	var token corev1.Secret
	err := addon.WaitFor(ctx, patience, "wait for the token of Multus", func(ctx context.Context) (string, error) {
		if err := cluster.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: tokenName}, &token); err != nil {
			return "", err
		}
		if len(token.Data[corev1.ServiceAccountTokenKey]) == 0 {
			return "no token in Secret " + tokenName, nil
		}
		return "", nil
	})
	if err != nil {
		return nil, err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["cluster"] = &clientcmdapi.Cluster{
		Server: cluster.Config.Host, CertificateAuthorityData: token.Data[corev1.ServiceAccountRootCAKey],
	}
	config.AuthInfos["multus"] = &clientcmdapi.AuthInfo{Token: string(token.Data[corev1.ServiceAccountTokenKey])}
	config.Contexts["multus"] = &clientcmdapi.Context{Cluster: "cluster", AuthInfo: "multus"}
	config.CurrentContext = "multus"
	return clientcmd.Write(*config)
}

// configure writes the plugin's configuration, with the cluster's own network as the first that every pod gets.
func configure(ctx context.Context, node addon.Node) error {
	content, err := node.Exec(ctx, "cat", defaultConfig)
	if err != nil {
		return fmt.Errorf("read the cluster's network: %w", err)
	}
	config, err := json.MarshalIndent(map[string]any{
		"cniVersion":   "1.0.0",
		"name":         "multus",
		"type":         pluginName,
		"capabilities": map[string]any{"portMappings": true},
		"kubeconfig":   kubeconfigPath,
		"logLevel":     "error",
		"logToStderr":  true,
		"delegates":    []any{json.RawMessage(content)},
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", defaultConfig, err)
	}
	return node.WriteFile(ownConfig, config, 0o600)
}

package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/runtime"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clientcmdlatest "k8s.io/client-go/tools/clientcmd/api/latest"
	"sigs.k8s.io/yaml"

	"github.com/novasphere/wukong/e2e/devcluster/internal/network"
	"github.com/novasphere/wukong/e2e/devcluster/internal/pki"
)

const (
	apiPort     = 6443
	clusterName = "wukong"
)

func serverURL(plan network.Plan) string {
	return fmt.Sprintf("https://%s:%d", plan.ControlPlane(), apiPort)
}

// readyURL answers with success when the API server is ready.
func readyURL(plan network.Plan) string { return serverURL(plan) + "/readyz" }

// writeCredentials makes the certificates and kubeconfig files of the control plane and the administrator, once per
// cluster.
func writeCredentials(place paths, plan network.Plan) error {
	if _, err := os.Stat(place.kubeconfig()); err == nil {
		return nil
	}
	authority, err := pki.NewAuthority("wukong")
	if err != nil {
		return err
	}
	frontProxy, err := pki.NewAuthority("wukong-front-proxy")
	if err != nil {
		return err
	}
	tokens, err := pki.NewKey()
	if err != nil {
		return err
	}
	proxyClient, err := frontProxy.Issue(pki.Request{Name: "front-proxy-client"})
	if err != nil {
		return err
	}
	server, err := authority.Issue(pki.Request{Name: "kube-apiserver", Hosts: []string{
		plan.ControlPlane().String(), plan.APIService().String(), "127.0.0.1", "localhost",
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}})
	if err != nil {
		return err
	}
	kubeletClient, err := authority.Issue(pki.Request{
		Name: "kube-apiserver-kubelet-client", Groups: []string{"system:masters"},
	})
	if err != nil {
		return err
	}
	err = errors.Join(
		authority.Write(place.pki("ca")), frontProxy.Write(place.pki("front-proxy-ca")),
		server.Write(place.pki("apiserver")),
		proxyClient.Write(place.pki("front-proxy-client")), kubeletClient.Write(place.pki("kubelet-client")),
		os.WriteFile(place.pki("tokens.key"), tokens, 0o600),
	)
	if err != nil {
		return fmt.Errorf("write certificates: %w", err)
	}
	for name, user := range map[string]string{
		"controller-manager": "system:kube-controller-manager", "scheduler": "system:kube-scheduler",
	} {
		if err := writeKubeconfig(place.pki(name+".kubeconfig"), authority, plan, pki.Request{Name: user}); err != nil {
			return err
		}
	}
	// The administrator's file comes last: it says that everything is there.
	return writeKubeconfig(place.kubeconfig(), authority, plan,
		pki.Request{Name: "admin", Groups: []string{"system:masters"}})
}

// writeKubeconfig issues a client certificate and writes a kubeconfig that has everything in it.
func writeKubeconfig(path string, authority *pki.Authority, plan network.Plan, user pki.Request) error {
	pair, err := authority.Issue(user)
	if err != nil {
		return err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[clusterName] = &clientcmdapi.Cluster{
		Server: serverURL(plan), CertificateAuthorityData: authority.Certificate,
	}
	config.AuthInfos[user.Name] = &clientcmdapi.AuthInfo{
		ClientCertificateData: pair.Certificate, ClientKeyData: pair.Key,
	}
	config.Contexts[clusterName] = &clientcmdapi.Context{Cluster: clusterName, AuthInfo: user.Name}
	config.CurrentContext = clusterName
	encoded, err := runtime.Encode(clientcmdlatest.Codec, config)
	if err != nil {
		return fmt.Errorf("encode kubeconfig of %s: %w", user.Name, err)
	}
	text, err := yaml.JSONToYAML(encoded)
	if err != nil {
		return fmt.Errorf("encode kubeconfig of %s: %w", user.Name, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write kubeconfig of %s: %w", user.Name, err)
	}
	return os.WriteFile(path, text, 0o600)
}

// writeYAML writes a configuration object as YAML.
func writeYAML(path string, object any) error {
	text, err := yaml.Marshal(object)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return writeFile(path, text)
}

// writeJSON writes a configuration object as JSON.
func writeJSON(path string, object any) error {
	text, err := json.MarshalIndent(object, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return writeFile(path, text)
}

func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

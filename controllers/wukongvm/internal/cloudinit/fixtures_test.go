package cloudinit

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

const (
	keyA = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICbmOv1jiRB6z3djLKS4bNTdibP3wJ9WPpJ9vtXJuJuZ a@example.org"
	keyB = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG7qH37jH+16v3jHXn3IP9MKhSLYn8Znkh+CEBdxER/T b@example.org"
	// keyECDSA has a one-letter comment.
	keyECDSA = "ecdsa-sha2-nistp256 " +
		"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBB3b2H2d" +
		"lRAMSejiNC7FGlrQH3JYvBDO6Gxc0YwIbkJznbq/P+HHyNTtbdX6m0dOmTqaAm9AZLWtTLCBwrjYK0I= e"
	// hashA is the output of "openssl passwd -6 -salt abcdefghijklmnop 'correct horse'".
	hashA = "$6$abcdefghijklmnop$q2YZbPhm1LySTIzZVDisu/y2CX1McrFsw529ViOLMxoKT.sfgjBo4aFu.hwtGjEDxRb6mn/TZMj7V4/1AUTLi1"
	// yescryptHash is libxcrypt's hash of "x".
	yescryptHash = "$y$j9T$abcdefghijkl$tIEIK0tRpVYnb5EbxZDlFLI0ryBZQGiiMcG7Xj5gBz0"
)

// newVM returns a WukongVM named web.
func newVM(cloudInit *v1alpha1.CloudInit) *v1alpha1.WukongVM {
	return &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "default", UID: "5f9d7c0e-4c0e-4d3a-9d6b-0f6a5b8f1a11"},
		Spec:       v1alpha1.WukongVMSpec{CloudInit: cloudInit},
	}
}

// withUser returns a WukongVM with one user.
func withUser(user v1alpha1.CloudInitUser) *v1alpha1.WukongVM {
	if user.Name == "" {
		user.Name = "debian"
	}
	return newVM(&v1alpha1.CloudInit{Users: []v1alpha1.CloudInitUser{user}})
}

// secret returns Secrets of one, with alternating keys and values.
func secret(name string, keysAndValues ...string) map[string]*corev1.Secret {
	made := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string][]byte{}}
	for i := 0; i < len(keysAndValues); i += 2 {
		made.Data[keysAndValues[i]] = []byte(keysAndValues[i+1])
	}
	return map[string]*corev1.Secret{name: made}
}

func dhcp(name, macAddress string) Interface {
	return Interface{Name: name, MACAddress: macAddress, Mode: v1alpha1.AddressDHCP}
}

// static returns an interface with comma-separated addresses and gateways.
func static(name, macAddress, addresses, gateways string) Interface {
	made := Interface{Name: name, MACAddress: macAddress, Mode: v1alpha1.AddressStatic}
	for text := range strings.SplitSeq(addresses, ",") {
		made.Addresses = append(made.Addresses, netip.MustParsePrefix(text))
	}
	if gateways != "" {
		for text := range strings.SplitSeq(gateways, ",") {
			made.Gateways = append(made.Gateways, netip.MustParseAddr(text))
		}
	}
	return made
}

// renderUsers renders and parses the user-data.
func renderUsers(t *testing.T, inputs Inputs) userData {
	t.Helper()
	data, err := Render(inputs)
	require.NoError(t, err)
	var parsed userData
	require.NoError(t, yaml.Unmarshal(data.UserData, &parsed))
	return parsed
}

// renderNetwork renders and parses the network-data.
func renderNetwork(t *testing.T, interfaces ...Interface) networkData {
	t.Helper()
	data, err := Render(Inputs{VM: newVM(nil), Interfaces: interfaces})
	require.NoError(t, err)
	var parsed networkData
	require.NoError(t, yaml.Unmarshal(data.NetworkData, &parsed))
	return parsed
}

// newPrivateKey returns a private key in the format of OpenSSH.
func newPrivateKey(t *testing.T) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(key, "")
	require.NoError(t, err)
	return string(pem.EncodeToMemory(block))
}

package cloudinit

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// update rewrites the golden files. Check them in a guest afterwards: cloud-init schema -c FILE, with -t
// network-config for that kind.
var update = flag.Bool("update", false, "rewrite testdata")

func TestRenderGolden(t *testing.T) {
	for name, inputs := range goldenInputs() {
		t.Run(name, func(t *testing.T) {
			data, err := Render(inputs)
			require.NoError(t, err)
			compareGolden(t, name+".user-data", data.UserData)
			compareGolden(t, name+".network-config", data.NetworkData)
		})
	}
}

func compareGolden(t *testing.T, name string, content []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, content, 0o644))
	}
	wanted, err := os.ReadFile(path)
	require.NoError(t, err, "run go test -update")
	assert.Equal(t, string(wanted), string(content))
}

func goldenInputs() map[string]Inputs {
	return map[string]Inputs{
		"minimal":    {VM: newVM(nil), Interfaces: []Interface{dhcp("default", "02:00:00:00:00:01")}},
		"users":      goldenUsers(),
		"networks":   {VM: newVM(&v1alpha1.CloudInit{Hostname: "web.example.org"}), Interfaces: goldenInterfaces()},
		"clone":      {VM: clone(v1alpha1.IdentityRenew), Interfaces: []Interface{dhcp("default", "02:00:00:00:00:01")}},
		"clone-keep": {VM: clone(v1alpha1.IdentityKeep), Interfaces: []Interface{dhcp("default", "02:00:00:00:00:01")}},
		// Every value here is one that YAML 1.1 reads as something else when it is not quoted.
		"ambiguous": {
			VM: newVM(&v1alpha1.CloudInit{Hostname: "2001-13-99", Timezone: "12", Users: []v1alpha1.CloudInitUser{
				{Name: "null", Groups: []v1alpha1.GuestGroup{"yes", "_1"}, Shell: "/bin/sh", Sudo: new("# ALL: yes")},
				{Name: "on"}, {Name: "y"}, {Name: "_"},
			}}),
			Interfaces: []Interface{dhcp("1e3", "12:34:56:12:34:56"), dhcp("no", "02:00:00:00:00:02"),
				dhcp("0-0", "02:00:00:00:00:03")},
		},
	}
}

func goldenUsers() Inputs {
	secrets := map[string]*corev1.Secret{}
	for _, one := range []map[string]*corev1.Secret{
		secret("admin-password", "password", "correct horse\n"),
		secret("admin-keys", "authorized_keys", "# office\n"+keyA+"\n\n"+keyB+"\n"),
	} {
		for name, made := range one {
			secrets[name] = made
		}
	}
	return Inputs{
		VM: newVM(&v1alpha1.CloudInit{
			Timezone: "Europe/Vienna",
			Users: []v1alpha1.CloudInitUser{
				{
					Name:              "admin",
					PasswordSecretRef: &v1alpha1.SecretKeyReference{Name: "admin-password", Key: "password"},
					SSHKeySecretRefs:  []v1alpha1.SSHKeySecretReference{{Name: "admin-keys"}},
					Groups:            []v1alpha1.GuestGroup{"adm", "systemd-journal"},
				},
				{Name: "deploy", SSHAuthorizedKeys: []v1alpha1.SSHPublicKey{keyB}, Sudo: new(""), Shell: "/bin/sh"},
				{Name: "operator", PasswordHash: yescryptHash, Sudo: new("ALL=(root) /usr/bin/systemctl restart *")},
			},
		}),
		Secrets:    secrets,
		Interfaces: []Interface{dhcp("default", "02:00:00:00:00:01")},
	}
}

func goldenInterfaces() []Interface {
	office := static("office", "02:00:00:00:00:02", "fd00:7::5/64,192.168.7.5/24", "192.168.7.1,fd00:7::1")
	office.MTU = new(int32(1400))
	office.Routes = []v1alpha1.Route{
		{To: "10.20.0.0/16", Via: "192.168.7.2", Metric: new(int32(0))},
		{To: "10.30.5.1/16", Via: "192.168.7.2"},
	}
	office.DNS = &v1alpha1.DNS{Nameservers: []v1alpha1.IPAddress{"192.168.7.1", "fd00:7::1"},
		Searches: []v1alpha1.DomainName{"example.org"}}
	return []Interface{
		dhcp("default", "02:00:00:00:00:01"), office,
		static("storage", "02:00:00:00:00:0C", "10.9.0.5/24", ""),
		{Name: "span", MACAddress: "02:00:00:00:00:0d", Mode: v1alpha1.AddressNone},
	}
}

// clone returns a WukongVM that a WukongClone made.
func clone(identity v1alpha1.IdentityPolicy) *v1alpha1.WukongVM {
	vm := newVM(nil)
	vm.Annotations = map[string]string{
		v1alpha1.AnnotationClonedBy: "copy/1", v1alpha1.AnnotationClonedIdentity: string(identity),
	}
	return vm
}

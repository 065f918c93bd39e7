package cloudinit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestHostname(t *testing.T) {
	cases := map[string]struct {
		cloudInit      *v1alpha1.CloudInit
		hostname, fqdn text
		invalid        string
	}{
		"without cloudInit the machine's name": {hostname: "web"},
		"without hostname the machine's name":  {cloudInit: &v1alpha1.CloudInit{Timezone: "UTC"}, hostname: "web"},
		"as given":                             {cloudInit: &v1alpha1.CloudInit{Hostname: "db-1"}, hostname: "db-1"},
		"with a domain": {cloudInit: &v1alpha1.CloudInit{Hostname: "db.example.org"}, hostname: "db",
			fqdn: "db.example.org"},
		"longest label": {cloudInit: &v1alpha1.CloudInit{Hostname: strings.Repeat("a", 63)},
			hostname: text(strings.Repeat("a", 63))},
		"label too long for Linux": {cloudInit: &v1alpha1.CloudInit{Hostname: strings.Repeat("a", 64)},
			invalid: "a label of 64 characters"},
		"label of the domain too long": {cloudInit: &v1alpha1.CloudInit{Hostname: "a." + strings.Repeat("b", 64)},
			invalid: "a label of 64 characters"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			inputs := Inputs{VM: newVM(test.cloudInit)}
			if test.invalid != "" {
				_, err := Render(inputs)
				var invalid *SpecInvalidError
				require.ErrorAs(t, err, &invalid)
				assert.Contains(t, err.Error(), test.invalid)
				return
			}
			parsed := renderUsers(t, inputs)
			assert.Equal(t, test.hostname, parsed.Hostname)
			assert.Equal(t, test.fqdn, parsed.FQDN)
		})
	}
}

func TestWithoutUsersTheImageDecides(t *testing.T) {
	parsed := renderUsers(t, Inputs{VM: newVM(nil)})
	assert.Nil(t, parsed.SSHPasswordAuth)
	assert.Nil(t, parsed.Users)
	assert.Equal(t, "localhost", parsed.ManageEtcHosts)
	assert.Equal(t, growPartition{Mode: "auto", Devices: []text{"/"}}, parsed.GrowPartition)
	assert.True(t, parsed.ResizeRoot)
}

func TestUserDefaults(t *testing.T) {
	cases := map[string]struct {
		user   v1alpha1.CloudInitUser
		wanted guestUser
	}{
		"nothing said": {
			wanted: guestUser{Name: "debian", PrimaryGroup: "debian", Groups: []text{"debian"}, LockPassword: true,
				Shell: "/bin/bash", Sudo: "ALL=(ALL) NOPASSWD:ALL"},
		},
		"no sudo": {
			user: v1alpha1.CloudInitUser{Sudo: new("")},
			wanted: guestUser{Name: "debian", PrimaryGroup: "debian", Groups: []text{"debian"},
				LockPassword: true, Shell: "/bin/bash"},
		},
		"everything said": {
			user: v1alpha1.CloudInitUser{
				Name: "ops", PasswordHash: hashA, Sudo: new("ALL=(ALL) ALL"), Shell: "/bin/zsh",
				Groups: []v1alpha1.GuestGroup{"wheel", "ops", "adm"}, SSHAuthorizedKeys: []v1alpha1.SSHPublicKey{keyA},
			},
			wanted: guestUser{
				Name: "ops", PrimaryGroup: "ops", HashedPassword: hashA, Sudo: "ALL=(ALL) ALL", Shell: "/bin/zsh",
				Groups: []text{"ops", "wheel", "adm"}, AuthorizedKeys: []text{keyA},
			},
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			parsed := renderUsers(t, Inputs{VM: withUser(test.user)})
			assert.Equal(t, []guestUser{test.wanted}, parsed.Users)
		})
	}
}

func TestSSHTakesPasswordsIfAnyUserHasOne(t *testing.T) {
	users := []v1alpha1.CloudInitUser{{Name: "a"}, {Name: "b", PasswordHash: hashA}, {Name: "c"}}
	assert.True(t, *renderUsers(t, Inputs{VM: newVM(&v1alpha1.CloudInit{Users: users})}).SSHPasswordAuth)
	assert.False(t, *renderUsers(t, Inputs{VM: newVM(&v1alpha1.CloudInit{Users: users[:1]})}).SSHPasswordAuth)
}

func TestDocumentsAreUsedAsTheyAre(t *testing.T) {
	cloudInit := &v1alpha1.CloudInit{
		UserDataSecretRef:    &v1alpha1.SecretKeyReference{Name: "data", Key: "user"},
		NetworkDataSecretRef: &v1alpha1.SecretKeyReference{Name: "data", Key: "network"},
	}
	interfaces := []Interface{dhcp("default", "02:00:00:00:00:01")}
	t.Run("both", func(t *testing.T) {
		data, err := Render(Inputs{VM: newVM(cloudInit), Interfaces: interfaces,
			Secrets: secret("data", "user", "#!/bin/sh\necho \x00 hello\n", "network", "version: 1\n")})
		require.NoError(t, err)
		assert.Equal(t, "#!/bin/sh\necho \x00 hello\n", string(data.UserData))
		assert.Equal(t, "version: 1\n", string(data.NetworkData))
	})
	t.Run("a key is missing", func(t *testing.T) {
		_, err := Render(Inputs{VM: newVM(cloudInit), Interfaces: interfaces, Secrets: secret("data", "user", "x")})
		var missing *SecretMissingError
		require.ErrorAs(t, err, &missing)
		assert.Equal(t, SecretMissingError{
			Secret: "data", Key: "network", Field: "spec.cloudInit.networkDataSecretRef",
		},
			*missing)
	})
	t.Run("empty, which KubeVirt would take for no disk at all", func(t *testing.T) {
		_, err := Render(Inputs{VM: newVM(cloudInit), Interfaces: interfaces,
			Secrets: secret("data", "user", "", "network", "x")})
		var invalid *SecretInvalidError
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, "user", invalid.Key)
	})
	t.Run("the other document is still made", func(t *testing.T) {
		data, err := Render(Inputs{VM: newVM(&v1alpha1.CloudInit{UserDataSecretRef: cloudInit.UserDataSecretRef}),
			Interfaces: interfaces, Secrets: secret("data", "user", "x")})
		require.NoError(t, err)
		assert.Equal(t, "x", string(data.UserData))
		assert.Contains(t, string(data.NetworkData), "02:00:00:00:00:01")
	})
}

func TestSecretNames(t *testing.T) {
	assert.Empty(t, SecretNames(newVM(nil)))
	assert.Empty(t, SecretNames(newVM(&v1alpha1.CloudInit{Hostname: "web"})))
	assert.Equal(t, []string{"a", "b", "c", "d"}, SecretNames(newVM(&v1alpha1.CloudInit{
		NetworkDataSecretRef: &v1alpha1.SecretKeyReference{Name: "d", Key: "k"},
		UserDataSecretRef:    &v1alpha1.SecretKeyReference{Name: "b", Key: "k"},
		Users: []v1alpha1.CloudInitUser{
			{Name: "x", PasswordSecretRef: &v1alpha1.SecretKeyReference{Name: "c", Key: "k"}},
			{Name: "y", SSHKeySecretRefs: []v1alpha1.SSHKeySecretReference{{Name: "b"}, {Name: "a"}, {Name: "c"}}},
		},
	})))
}

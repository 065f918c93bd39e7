package cloudinit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// TestB13DataNeverChangeByThemselves: what a guest reports, such as its addresses, must not change the data, and a
// password from a Secret must have the same hash each time: a changed Secret is a changed WukongVM.
func TestB13DataNeverChangeByThemselves(t *testing.T) {
	before := goldenUsers()
	first, err := Render(before)
	require.NoError(t, err)
	after := goldenUsers()
	after.VM.Status = v1alpha1.WukongVMStatus{ObservedGeneration: 7, NodeName: "node-1", PrimaryAddress: "10.0.0.9"}
	after.VM.ResourceVersion, after.VM.Generation = "99", 12
	after.VM.Annotations = map[string]string{"example.org/note": "changed"}
	for range 5 {
		again, err := Render(after)
		require.NoError(t, err)
		assert.Equal(t, string(first.UserData), string(again.UserData))
		assert.Equal(t, string(first.NetworkData), string(again.NetworkData))
	}
}

// TestB14NetworkIsItsOwnFile: cloud-init ignores a network section inside user-data.
func TestB14NetworkIsItsOwnFile(t *testing.T) {
	data, err := Render(
		Inputs{
			VM:         newVM(nil),
			Interfaces: []Interface{static("lan", "02:00:00:00:00:01", "192.168.7.5/24", "192.168.7.1")},
		})
	require.NoError(t, err)
	userData, networkData := map[string]any{}, map[string]any{}
	require.NoError(t, yaml.Unmarshal(data.UserData, &userData))
	require.NoError(t, yaml.Unmarshal(data.NetworkData, &networkData))
	assert.NotContains(t, userData, "network")
	assert.NotContains(t, userData, "ethernets")
	assert.Equal(t, 2, networkData["version"])
	assert.Contains(t, networkData["ethernets"], "lan")
	assert.NotContains(t, string(data.NetworkData), "gateway4")
}

// TestB15KeysBelongToTheirUser: keys at the top level are given to root and to the image's default user, which then
// exists beside the given users.
func TestB15KeysBelongToTheirUser(t *testing.T) {
	data, err := Render(
		Inputs{VM: withUser(v1alpha1.CloudInitUser{Name: "ops", SSHAuthorizedKeys: []v1alpha1.SSHPublicKey{keyA}})})
	require.NoError(t, err)
	config := map[string]any{}
	require.NoError(t, yaml.Unmarshal(data.UserData, &config))
	assert.NotContains(t, config, "ssh_authorized_keys")
	assert.NotContains(t, config, "disable_root", "root stays locked, as the image says")
	assert.NotContains(t, config, "user")
	users := config["users"].([]any)
	require.Len(t, users, 1, "no default user")
	assert.Equal(t, []any{keyA}, users[0].(map[string]any)["ssh_authorized_keys"])
	assert.Equal(t, false, config["ssh_pwauth"], "nobody has a password")
}

// TestB16NothingEscapesItsField: text that would end a line or a value in YAML built from strings stays a value.
func TestB16NothingEscapesItsField(t *testing.T) {
	evil := "ALL: [x]\nssh_pwauth: true\n\"'#- |"
	parsed := renderUsers(t,
		Inputs{VM: withUser(v1alpha1.CloudInitUser{Name: "a: b\n- c", Sudo: &evil, Shell: "/bin/sh\n"})})
	require.Len(t, parsed.Users, 1)
	assert.EqualValues(t, "a: b\n- c", parsed.Users[0].Name)
	assert.EqualValues(t, evil, parsed.Users[0].Sudo)
	assert.EqualValues(t, "/bin/sh\n", parsed.Users[0].Shell)
	assert.False(t, *parsed.SSHPasswordAuth)
}

// TestB16NoPasswordReachesTheGuest: only its hash does, under a key for hashes.
func TestB16NoPasswordReachesTheGuest(t *testing.T) {
	data, err := Render(goldenUsers())
	require.NoError(t, err)
	assert.NotContains(t, string(data.UserData), "correct horse")
	assert.NotContains(t, string(data.UserData), "plain_text_passwd")
	assert.NotContains(t, string(data.UserData), " passwd:")
}

// TestB16PrivateKeysAreNeverRead: neither under a key of their own, nor under a key for public keys.
func TestB16PrivateKeysAreNeverRead(t *testing.T) {
	private := newPrivateKey(t)
	user := v1alpha1.CloudInitUser{SSHKeySecretRefs: []v1alpha1.SSHKeySecretReference{{Name: "deploy"}}}

	_, err := Render(Inputs{
		VM: withUser(user), Secrets: secret("deploy", "ssh-privatekey", private, "id_rsa", private),
	})
	var missing *SecretMissingError
	require.ErrorAs(t, err, &missing)
	assertNoLeak(t, err, private)

	_, err = Render(Inputs{VM: withUser(user), Secrets: secret("deploy", "ssh-publickey", private)})
	var invalid *SecretInvalidError
	require.ErrorAs(t, err, &invalid)
	assert.Contains(t, err.Error(), "private key")
	assertNoLeak(t, err, private)
}

// TestB16MissingSecretIsAnError: it used to be ignored, and nobody could log in to the guest.
func TestB16MissingSecretIsAnError(t *testing.T) {
	user := v1alpha1.CloudInitUser{
		PasswordSecretRef: &v1alpha1.SecretKeyReference{Name: "password", Key: "value"},
		SSHKeySecretRefs:  []v1alpha1.SSHKeySecretReference{{Name: "keys"}},
	}
	_, err := Render(Inputs{VM: withUser(user)})
	var missing *SecretMissingError
	require.ErrorAs(t, err, &missing)
	assert.Contains(t, err.Error(), "Secret password does not exist")
	assert.Contains(t, err.Error(), "Secret keys does not exist", "all that is missing is said at once")
}

// assertNoLeak fails if the error quotes any line of a secret text.
func assertNoLeak(t *testing.T, err error, secretText string) {
	t.Helper()
	for line := range strings.Lines(secretText) {
		if line = strings.TrimSpace(line); len(line) > 8 {
			assert.NotContains(t, err.Error(), line)
		}
	}
}

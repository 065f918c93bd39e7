package cloudinit

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// FuzzRender sets every text field that a user controls to any text at all, which is more than admission allows, and
// parses the data: each value must be the given one, and nothing else may have changed.
func FuzzRender(f *testing.F) {
	f.Add("web.example.org", "Europe/Vienna", "ops", "adm", "ALL=(ALL) NOPASSWD:ALL", "/bin/bash",
		"me@example.org", "lan", "example.org")
	f.Add("2001-13-99", "0b_", "null", "on", "# x: [y", "/bin/sh\nusers: []", "\" ' : -", "1e3", "~")
	f.Add("y", "=", "<<", "!!binary", "&a *a", "| >", "\u2028\u0085\ufeff", "12:34:56", "%")
	f.Add("0x1p-2", "+.inf", "1_000", "0o17", "\t", "---", "\U0001F600", "...", "#")
	f.Fuzz(func(t *testing.T, hostname, timezone, user, group, sudo, shell, comment, interfaceName, search string) {
		texts := []string{hostname, timezone, user, group, sudo, shell, comment, interfaceName, search}
		for _, one := range texts {
			if !utf8.ValidString(one) {
				t.Skip("the API server admits no text that is not UTF-8")
			}
		}
		lan := static(interfaceName, mac1, "192.168.7.5/24", "192.168.7.1")
		lan.DNS = &v1alpha1.DNS{Searches: []v1alpha1.DomainName{v1alpha1.DomainName(search)}}
		key := keyA + " " + comment
		data, err := Render(Inputs{
			VM: newVM(&v1alpha1.CloudInit{Hostname: hostname, Timezone: timezone, Users: []v1alpha1.CloudInitUser{{
				Name: user, Groups: []v1alpha1.GuestGroup{v1alpha1.GuestGroup(group)}, Sudo: &sudo, Shell: shell,
				SSHAuthorizedKeys: []v1alpha1.SSHPublicKey{v1alpha1.SSHPublicKey(key)},
			}}}),
			Interfaces: []Interface{lan},
		})
		if err != nil {
			var invalid *SpecInvalidError
			require.ErrorAs(t, err, &invalid, "nothing but what is wrong in spec")
			return
		}
		groups := slices.Compact([]text{text(user), text(group)})
		assertUserData(t, data.UserData, hostname, timezone, guestUser{
			Name: text(user), LockPassword: true, Shell: text(orDefault(shell, defaultShell)), Sudo: text(sudo),
			PrimaryGroup: text(user), Groups: groups, AuthorizedKeys: []text{text(key)},
		})
		var network networkData
		decode(t, data.NetworkData, &network)
		require.Len(t, network.Ethernets, 1)
		require.Contains(t, network.Ethernets, text(interfaceName))
		assert.Equal(t, []text{text(search)}, network.Ethernets[text(interfaceName)].Nameservers.Search)
		assert.EqualValues(t, mac1, network.Ethernets[text(interfaceName)].Match.MACAddress)
	})
}

func assertUserData(t *testing.T, content []byte, hostname, timezone string, user guestUser) {
	t.Helper()
	require.True(t, bytes.HasPrefix(content, []byte("#cloud-config\n")))
	label, _, dotted := strings.Cut(orDefault(hostname, "web"), ".")
	wanted := userData{
		Hostname: text(label), ManageEtcHosts: "localhost", Timezone: text(timezone), SSHPasswordAuth: new(false),
		GrowPartition: growPartition{Mode: "auto", Devices: []text{"/"}}, ResizeRoot: true, Users: []guestUser{user},
	}
	if dotted {
		wanted.FQDN = text(hostname)
	}
	var parsed userData
	decode(t, content, &parsed)
	assert.Equal(t, wanted, parsed)
}

// decode refuses keys that the type does not have, and a second document.
func decode(t *testing.T, content []byte, into any) {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(into), "%s", content)
	assert.Error(t, decoder.Decode(&map[string]any{}), "one document")
}

func orDefault(given, otherwise string) string {
	if given == "" {
		return otherwise
	}
	return given
}

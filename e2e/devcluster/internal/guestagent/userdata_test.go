package guestagent

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMetadata(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ document, id, host string }{
		"as KubeVirt writes it": {`{"instance-id":"one.default","local-hostname":"one"}`, "one.default", "one"},
		"YAML":                  {"instance-id: x\nhostname: two\n", "x", "two"},
		"a ConfigDrive":         {`{"uuid":"6f1b","hostname":"three","local_ipv4":""}`, "6f1b", "three"},
		"empty":                 {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parsed, err := parseMetadata([]byte(test.document))
			require.NoError(t, err)
			assert.Equal(t, test.id, parsed.InstanceID)
			assert.Equal(t, test.host, parsed.LocalHostname)
		})
	}
	_, err := parseMetadata([]byte("a: [\n"))
	assert.ErrorContains(t, err, "meta-data")
}

func TestUserData(t *testing.T) {
	t.Parallel()
	parsed, err := parseUserData([]byte(`#cloud-config
hostname: web
manage_etc_hosts: localhost
users:
  - default
  - name: alice
    hashed_passwd: $6$salt$hash
    lock_passwd: false
  - name: bob
    passwd: $6$salt$hash
  - name: carol
    plain_text_passwd: correct horse
    lock_passwd: false
  - dave
write_files:
  - path: /srv/plain
    content: |
      one
      two
  - path: /srv/octal
    permissions: 0600
    encoding: b64
    content: aGVsbG8=
  - path: /srv/text
    permissions: "0755"
    append: true
runcmd:
  - echo one >/run/one
  - [touch, "/run/it's", 3]
`))
	require.NoError(t, err)
	assert.Equal(t, "web", parsed.Hostname)

	passwords := map[string]string{}
	for _, one := range parsed.users {
		passwords[one.Name] = one.password
	}
	assert.Equal(t, map[string]string{"alice": "$6$salt$hash", "bob": "!$6$salt$hash", "carol": "!", "dave": "!"},
		passwords)
	assert.False(t, parsed.users[2].locked())

	require.Len(t, parsed.WriteFiles, 3)
	assert.Equal(t, "one\ntwo\n", string(parsed.WriteFiles[0].content))
	assert.Equal(t, os.FileMode(0o644), parsed.WriteFiles[0].mode)
	assert.Equal(t, "hello", string(parsed.WriteFiles[1].content))
	assert.Equal(t, os.FileMode(0o600), parsed.WriteFiles[1].mode)
	assert.Equal(t, os.FileMode(0o755), parsed.WriteFiles[2].mode)
	assert.True(t, parsed.WriteFiles[2].Append)

	assert.Equal(t, "#!/bin/sh\necho one >/run/one\n'touch' '/run/it'\\''s' '3'\n", parsed.commands())
}

func TestUserDataThatIsAScriptOrEmpty(t *testing.T) {
	t.Parallel()
	parsed, err := parseUserData([]byte("#!/bin/sh\necho hello\n"))
	require.NoError(t, err)
	assert.Equal(t, "#!/bin/sh\necho hello\n", parsed.commands())
	parsed, err = parseUserData([]byte("\n"))
	require.NoError(t, err)
	assert.Empty(t, parsed.commands())
}

func TestUserDataThatIsWrong(t *testing.T) {
	t.Parallel()
	for document, message := range map[string]string{
		"Content-Type: multipart/mixed\n":                                           "use the Debian guest",
		"#cloud-config\nusers: {\n":                                                 "user-data",
		"#cloud-config\nusers: [{name: 'a:b'}]\n":                                   "is no name of a user",
		"#cloud-config\nwrite_files: [{path: relative}]\n":                          "does not begin with /",
		"#cloud-config\nwrite_files: [{path: /a, encoding: gz+b64}]\n":              "use base64",
		"#cloud-config\nwrite_files: [{path: /a, encoding: b64, content: '%'}]\n":   "illegal base64",
		"#cloud-config\nwrite_files: [{path: /a, permissions: 'u=rw', content: x}]": "no octal number",
		"#cloud-config\nruncmd: [{a: b}]\n":                                         "neither a line nor a list",
	} {
		_, err := parseUserData([]byte(document))
		assert.ErrorContains(t, err, message, document)
	}
}

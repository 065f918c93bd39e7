package cloudinit

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestKeysFromSecret(t *testing.T) {
	private := newPrivateKey(t)
	cases := map[string]struct {
		// key in the reference; empty for the conventional ones.
		key string
		// content of the Secret: keys and values.
		content []string
		wanted  []text
		// missing is the key of the SecretMissingError, invalid part of the reason of a SecretInvalidError.
		missing, invalid string
	}{
		"the named key": {key: "mine",
			content: []string{"mine", keyA, "ssh-publickey", keyB}, wanted: []text{keyA}},
		"the named key is missing": {key: "mine", content: []string{"ssh-publickey", keyB}, missing: "mine"},
		"ssh-publickey comes first": {content: []string{"publickey", keyA, "authorized_keys", keyA, "id_rsa.pub", keyA,
			"ssh-publickey", keyB}, wanted: []text{keyB}},
		"then id_rsa.pub": {content: []string{"publickey", keyA, "authorized_keys", keyA, "id_rsa.pub", keyB},
			wanted: []text{keyB}},
		"then authorized_keys": {content: []string{"publickey", keyA, "authorized_keys", keyB},
			wanted: []text{keyB}},
		"then publickey": {content: []string{"publickey", keyB}, wanted: []text{keyB}},
		"never another": {content: []string{"key", keyA, "id_rsa", private},
			missing: "ssh-publickey, id_rsa.pub, authorized_keys, publickey"},
		"several lines": {content: []string{"authorized_keys", "\n# a\r\n" + keyA + "\r\n\n  " + keyB +
			"  \n#end"}, wanted: []text{keyA, keyB}},
		"each key once": {content: []string{"authorized_keys", keyA + "\n" + keyA + " again\n" + keyB},
			wanted: []text{keyA, keyB}},
		"options are kept": {content: []string{"authorized_keys", `restrict,command="a b" ` + keyA},
			wanted: []text{`restrict,command="a b" ` + keyA}},
		"other options are another entry": {content: []string{"authorized_keys", "restrict " + keyA + "\n" + keyA},
			wanted: []text{"restrict " + keyA, keyA}},
		"other kinds": {content: []string{"authorized_keys", keyECDSA}, wanted: []text{keyECDSA}},
		"empty":       {content: []string{"authorized_keys", ""}, invalid: "contains no public key"},
		"only comments": {content: []string{"authorized_keys", "# nothing\n"},
			invalid: "contains no public key"},
		"a private key": {content: []string{"authorized_keys", private}, invalid: "private key"},
		"a private key behind a good one": {content: []string{"authorized_keys", keyA + "\n" + private},
			invalid: "private key"},
		"a private key of PuTTY": {content: []string{"authorized_keys",
			"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none"}, invalid: "private key"},
		"a word": {content: []string{"authorized_keys", keyA + "\nhunter2hunter2"},
			invalid: "line 2: it is not an OpenSSH public key"},
		"a key cut off": {content: []string{"authorized_keys", keyA[:50]},
			invalid: "line 1: it is not an OpenSSH public key"},
		"a key of another type": {content: []string{"authorized_keys", strings.Replace(keyA, "ed25519", "rsa", 1)},
			invalid: "not an OpenSSH public key"},
		"binary": {content: []string{"authorized_keys", keyA + "\xff\xfe"},
			invalid: "characters that no public key has"},
		"a control character": {content: []string{"authorized_keys", keyA + "\x1b[2J"},
			invalid: "characters that no public key has"},
		"a certificate": {content: []string{"authorized_keys", newCertificate(t)}, invalid: "certificate"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			user := v1alpha1.CloudInitUser{
				SSHKeySecretRefs: []v1alpha1.SSHKeySecretReference{{Name: "keys", Key: test.key}},
			}
			data, err := Render(Inputs{VM: withUser(user), Secrets: secret("keys", test.content...)})
			var missing *SecretMissingError
			var invalid *SecretInvalidError
			switch {
			case test.missing != "":
				require.ErrorAs(t, err, &missing)
				assert.Equal(t, test.missing, missing.Key)
				assert.Equal(t, "spec.cloudInit.users[debian].sshKeySecretRefs[keys]", missing.Field)
			case test.invalid != "":
				require.ErrorAs(t, err, &invalid)
				assert.Contains(t, invalid.Reason, test.invalid)
				assert.Empty(t, data.UserData)
			default:
				require.NoError(t, err)
				parsed := renderUsers(t, Inputs{VM: withUser(user), Secrets: secret("keys", test.content...)})
				assert.Equal(t, test.wanted, parsed.Users[0].AuthorizedKeys)
			}
			if err != nil {
				for _, content := range test.content {
					if len(content) > 20 {
						assertNoLeak(t, err, content)
					}
				}
			}
		})
	}
}

func TestKeysOfSpecComeFirst(t *testing.T) {
	user := v1alpha1.CloudInitUser{
		SSHAuthorizedKeys: []v1alpha1.SSHPublicKey{keyB},
		SSHKeySecretRefs:  []v1alpha1.SSHKeySecretReference{{Name: "keys"}},
	}
	parsed := renderUsers(t, Inputs{VM: withUser(user), Secrets: secret("keys", "publickey", keyA+"\n"+keyB)})
	assert.Equal(t, []text{keyB, keyA}, parsed.Users[0].AuthorizedKeys)
}

func TestKeyOfSpecThatAdmissionCannotRead(t *testing.T) {
	user := v1alpha1.CloudInitUser{
		SSHAuthorizedKeys: []v1alpha1.SSHPublicKey{keyA, "ssh-ed25519 AAAAnotbase64really= me"},
	}
	_, err := Render(Inputs{VM: withUser(user)})
	var invalid *SpecInvalidError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, "spec.cloudInit.users[debian].sshAuthorizedKeys[1]", invalid.Field)
}

// newCertificate returns a certificate of keyA in the format of a public key.
func newCertificate(t *testing.T) string {
	t.Helper()
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(keyA))
	require.NoError(t, err)
	signer, err := ssh.ParsePrivateKey([]byte(newPrivateKey(t)))
	require.NoError(t, err)
	certificate := &ssh.Certificate{Key: public, CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	require.NoError(t, certificate.SignCert(rand.Reader, signer))
	return string(ssh.MarshalAuthorizedKey(certificate))
}

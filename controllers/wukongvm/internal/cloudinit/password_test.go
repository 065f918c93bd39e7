package cloudinit

import (
	"strings"
	"testing"

	"github.com/go-crypt/crypt/algorithm/shacrypt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestHashPasswordIsCrypt(t *testing.T) {
	hash, err := hashPassword("correct horse", []byte("abcdefghijklmnop"))
	require.NoError(t, err)
	assert.EqualValues(t, hashA, hash, "what openssl passwd -6 prints")
}

func TestSaltIsDerivedAndOnesOwn(t *testing.T) {
	assert.Equal(t, salt("uid-1", "ops"), salt("uid-1", "ops"))
	assert.NotEqual(t, salt("uid-1", "ops"), salt("uid-2", "ops"), "another machine")
	assert.NotEqual(t, salt("uid-1", "ops"), salt("uid-1", "dev"), "another user")
	assert.NotEqual(t, salt("a", "bc"), salt("ab", "c"))
	assert.Len(t, salt("", ""), 16)
	assert.Empty(t, strings.Trim(string(salt("uid", "user")), shacrypt.SaltCharSet))
}

func TestPasswordFromSecret(t *testing.T) {
	const typed = "correct horse"
	cases := map[string]struct {
		content string
		// same: the content is a hash that is used unchanged.
		same bool
		// password that the resulting hash matches.
		password string
		// invalid is part of the reason why the content is refused.
		invalid string
	}{
		"a password":                      {content: typed, password: typed},
		"a final line break is not of it": {content: typed + "\n", password: typed},
		"nor one of Windows":              {content: typed + "\r\n", password: typed},
		"only one line break is cut":      {content: typed + "\n\n", invalid: "more than one line"},
		"spaces are of it":                {content: " " + typed + " ", password: " " + typed + " "},
		"a dollar is of it":               {content: "$money$", password: "$money$"},
		"other alphabets":                 {content: "пароль", password: "пароль"},
		"SHA-512 crypt":                   {content: hashA + "\n", same: true},
		"SHA-512 crypt with rounds": {
			content: "$6$rounds=10000$abc$" +
				"UCUqOk6gcu9ZZtND2Z0UgYk8lwpVRmtR53Lsvl5g.kCesFgYAcUnyv3CZaGPARyVDChSCfm/81bYK.MFc2KRz1", same: true},
		"SHA-256 crypt": {content: "$5$abcdefgh$sI6g8tHKrJ6RX7w.YoN9B7a/5wK5jYEOMmMnt3tPl0/", same: true},
		"yescrypt":      {content: yescryptHash, same: true},
		"gost-yescrypt": {content: "$gy$j9T$abcdefghijkl$9W.ZuPO5IcKuh0alvkY.gL37g/DrNgzSqACloeppafB",
			same: true},
		"scrypt": {content: "$7$CU..../....abcdefgh$19TzpFZ5AwP26vdEMbfvWacoVUfd2MfVusFAVFilh.C",
			same: true},
		"bcrypt": {content: "$2b$05$abcdefghijklmnopqrstuuhKF09ZYWwH2zP/0fwE1X8e/Q1YNx/hO",
			same: true},
		"empty":             {content: "", invalid: "empty"},
		"only a line break": {content: "\n", invalid: "empty"},
		"a hash cut off":    {content: hashA[:60], invalid: "not a complete crypt(5) hash"},
		"MD5 crypt": {content: "$1$abc$OGyl6dDvZCDiGmIVbeuCq/",
			invalid: "not a complete crypt(5) hash"},
		"a second line behind a hash": {content: hashA + "\nroot:" + hashA, invalid: "not a complete crypt(5) hash"},
		"a second line":               {content: typed + "\nroot:x", invalid: "more than one line"},
		"a zero byte":                 {content: "a\x00b", invalid: "zero byte"},
		"as long as crypt takes":      {content: strings.Repeat("x", 511), password: strings.Repeat("x", 511)},
		"too long":                    {content: strings.Repeat("x", 512), invalid: "at most 511"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			inputs := Inputs{
				VM: withUser(v1alpha1.CloudInitUser{
					PasswordSecretRef: &v1alpha1.SecretKeyReference{Name: "login", Key: "value"}}),
				Secrets: secret("login", "value", test.content),
			}
			if test.invalid != "" {
				_, err := Render(inputs)
				var invalid *SecretInvalidError
				require.ErrorAs(t, err, &invalid)
				assert.Equal(t, "login", invalid.Secret)
				assert.Equal(t, "value", invalid.Key)
				assert.Contains(t, invalid.Reason, test.invalid)
				assertNoLeak(t, err, test.content)
				return
			}
			parsed := renderUsers(t, inputs)
			user := parsed.Users[0]
			assert.False(t, user.LockPassword)
			assert.True(t, *parsed.SSHPasswordAuth)
			if test.same {
				assert.EqualValues(t, strings.TrimSpace(test.content), user.HashedPassword)
				return
			}
			assert.Regexp(t, completeHash, string(user.HashedPassword))
			digest, err := shacrypt.Decode(string(user.HashedPassword))
			require.NoError(t, err)
			assert.True(t, digest.Match(test.password))
		})
	}
}

func TestPasswordInSpec(t *testing.T) {
	t.Run("no password locks the account", func(t *testing.T) {
		parsed := renderUsers(t, Inputs{VM: withUser(v1alpha1.CloudInitUser{})})
		assert.True(t, parsed.Users[0].LockPassword)
		assert.Empty(t, parsed.Users[0].HashedPassword)
		assert.False(t, *parsed.SSHPasswordAuth)
	})
	t.Run("a hash is used as it is", func(t *testing.T) {
		parsed := renderUsers(t, Inputs{VM: withUser(v1alpha1.CloudInitUser{PasswordHash: yescryptHash})})
		assert.EqualValues(t, yescryptHash, parsed.Users[0].HashedPassword)
		assert.False(t, parsed.Users[0].LockPassword)
		assert.True(t, *parsed.SSHPasswordAuth)
	})
	t.Run("a hash cut off is refused", func(t *testing.T) {
		_, err := Render(Inputs{VM: withUser(v1alpha1.CloudInitUser{PasswordHash: "$6$abcdefghijklmnop$q2YZ"})})
		var invalid *SpecInvalidError
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, "spec.cloudInit.users[debian].passwordHash", invalid.Field)
		assert.NotContains(t, err.Error(), "q2YZ")
	})
	t.Run("a Secret without the key", func(t *testing.T) {
		user := v1alpha1.CloudInitUser{PasswordSecretRef: &v1alpha1.SecretKeyReference{Name: "login", Key: "value"}}
		_, err := Render(Inputs{VM: withUser(user), Secrets: secret("login", "other", "x")})
		var missing *SecretMissingError
		require.ErrorAs(t, err, &missing)
		assert.Equal(t, SecretMissingError{Secret: "login", Key: "value",
			Field: "spec.cloudInit.users[debian].passwordSecretRef"}, *missing)
		assert.Equal(t,
			"Secret login has no key value; add it, or correct spec.cloudInit.users[debian].passwordSecretRef",
			err.Error())
	})
}

func BenchmarkPasswordFromSecret(b *testing.B) {
	inputs := goldenUsers()
	for b.Loop() {
		if _, err := Render(inputs); err != nil {
			b.Fatal(err)
		}
	}
}

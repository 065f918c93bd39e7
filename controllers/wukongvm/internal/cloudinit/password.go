package cloudinit

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"regexp"

	"github.com/go-crypt/crypt/algorithm/shacrypt"
	"k8s.io/apimachinery/pkg/types"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

const (
	// hashRounds are the rounds of SHA-512 crypt: the default of crypt(5).
	hashRounds = 5000
	// maxPassword is the longest password in bytes that crypt(3) of libxcrypt accepts (CRYPT_MAX_PASSPHRASE_SIZE, with
	// its final zero).
	maxPassword = 511
)

var (
	// looksLikeHash matches a value that is meant to be a crypt(5) hash.
	looksLikeHash = regexp.MustCompile(`^\$(1|5|6|7|y|gy|2[abxy]?)\$`)
	// completeHash matches a complete hash of the methods that current distributions accept: yescrypt, gost-yescrypt,
	// scrypt, SHA-512, SHA-256 and bcrypt. It allows no colon and no line break: cloud-init passes the hash to
	// chpasswd(8) as a line user:hash.
	completeHash = regexp.MustCompile(`^(` +
		`\$(y|gy)\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}` +
		`|\$7\$[./A-Za-z0-9]{11,97}\$[./A-Za-z0-9]{43}` +
		`|\$6\$(rounds=[1-9][0-9]{3,8}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}` +
		`|\$5\$(rounds=[1-9][0-9]{3,8}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43}` +
		`|\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}` +
		`)$`)
)

const hashWanted = "it is not a complete crypt(5) hash of yescrypt, SHA-512, SHA-256 or bcrypt; " +
	"create one with mkpasswd"

// passwordHash returns the crypt(5) hash of a user's password, or "".
func passwordHash(inputs Inputs, field string, user *v1alpha1.CloudInitUser) (text, error) {
	switch {
	case user.PasswordHash != "":
		if !completeHash.MatchString(user.PasswordHash) {
			return "", &SpecInvalidError{Field: field + ".passwordHash", Reason: hashWanted}
		}
		return text(user.PasswordHash), nil
	case user.PasswordSecretRef != nil:
		return secretPasswordHash(inputs, field+".passwordSecretRef", user)
	default:
		return "", nil
	}
}

// secretPasswordHash reads a hash from a Secret, or reads a password and hashes it. It ignores one line break at the
// end: a file from an editor or echo has one.
func secretPasswordHash(inputs Inputs, field string, user *v1alpha1.CloudInitUser) (text, error) {
	reference := user.PasswordSecretRef
	content, err := inputs.value(field, reference.Name, reference.Key)
	if err != nil {
		return "", err
	}
	invalid := func(reason string) error {
		return &SecretInvalidError{Secret: reference.Name, Key: reference.Key, Reason: reason}
	}
	content = bytes.TrimSuffix(bytes.TrimSuffix(content, []byte("\n")), []byte("\r"))
	switch {
	case len(content) == 0:
		return "", invalid("it is empty; put a password or a hash from mkpasswd there")
	case looksLikeHash.Match(content):
		if !completeHash.Match(content) {
			return "", invalid(hashWanted)
		}
		return text(content), nil
	case len(content) > maxPassword:
		return "", invalid(fmt.Sprintf("it has %d bytes; a password has at most %d", len(content), maxPassword))
	case bytes.ContainsAny(content, "\x00\r\n"):
		return "", invalid("it contains more than one line, or a zero byte, which nobody can type as a password; put one " +
			"line there")
	default:
		return hashPassword(string(content), salt(inputs.VM.UID, user.Name))
	}
}

// hashPassword returns the SHA-512 crypt hash. A salt of at most 16 characters is always accepted.
func hashPassword(password string, salt []byte) (text, error) {
	hasher, err := shacrypt.New(shacrypt.WithSHA512(), shacrypt.WithRounds(hashRounds))
	if err != nil {
		return "", fmt.Errorf("set up SHA-512 crypt: %w", err)
	}
	digest, err := hasher.HashWithSalt(password, salt)
	if err != nil {
		return "", fmt.Errorf("hash a password with SHA-512 crypt: %w", err)
	}
	return text(digest.Encode()), nil
}

// salt returns the salt of a user's password. It is derived and not random, so that the data stay the same from one
// reconcile to the next. It differs between users and between WukongVMs, which is all that a salt is for.
func salt(uid types.UID, user string) []byte {
	sum := sha256.Sum256([]byte("wukong password salt\x00" + string(uid) + "\x00" + user))
	out := make([]byte, shacrypt.SaltLengthMax)
	for i := range out {
		out[i] = shacrypt.SaltCharSet[int(sum[i])%len(shacrypt.SaltCharSet)]
	}
	return out
}

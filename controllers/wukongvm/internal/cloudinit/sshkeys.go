package cloudinit

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// publicKeyNames are the keys of a Secret that contain public keys by convention, in the order in which they are
// tried. No other key is read: it may contain a private one.
var publicKeyNames = []string{"ssh-publickey", "id_rsa.pub", "authorized_keys", "publickey"}

// privateKey matches private keys in the formats of OpenSSH, OpenSSL and PuTTY.
var privateKey = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----|PuTTY-User-Key-File`)

// authorizedKeys returns a user's public keys: first those in spec, then those of the Secrets, each once.
func authorizedKeys(inputs Inputs, field string, user *v1alpha1.CloudInitUser) ([]text, []error) {
	var keys keyList
	var errs []error
	for i, key := range user.SSHAuthorizedKeys {
		if err := keys.add(string(key)); err != nil {
			errs = append(errs, &SpecInvalidError{Field: fmt.Sprintf("%s.sshAuthorizedKeys[%d]", field, i), Reason: err.Error()})
		}
	}
	for i := range user.SSHKeySecretRefs {
		reference := &user.SSHKeySecretRefs[i]
		name, content, err := readPublicKeys(inputs, fmt.Sprintf("%s.sshKeySecretRefs[%s]", field, reference.Name), reference)
		if err == nil {
			if invalid := keys.addLines(content); invalid != nil {
				err = &SecretInvalidError{Secret: reference.Name, Key: name, Reason: invalid.Error()}
			}
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return keys.lines, errs
}

// readPublicKeys returns the key of the Secret that contains public keys, and its content.
func readPublicKeys(inputs Inputs, field string, reference *v1alpha1.SSHKeySecretReference) (string, []byte, error) {
	if reference.Key != "" {
		content, err := inputs.value(field, reference.Name, reference.Key)
		return reference.Key, content, err
	}
	secret := inputs.Secrets[reference.Name]
	if secret == nil {
		return "", nil, &SecretMissingError{Secret: reference.Name, Field: field}
	}
	for _, name := range publicKeyNames {
		if content, exists := secret.Data[name]; exists {
			return name, content, nil
		}
	}
	return "", nil, &SecretMissingError{Secret: reference.Name, Key: strings.Join(publicKeyNames, ", "), Field: field}
}

// keyList contains lines of an authorized_keys file, without duplicates.
type keyList struct {
	lines []text
	seen  map[string]bool
}

// addLines adds every line that is neither blank nor a comment. Errors never quote a line.
func (l *keyList) addLines(content []byte) error {
	if privateKey.Match(content) {
		return errors.New("it contains a private key, which must not go into a guest; put the public key there " +
			"(the .pub file)")
	}
	found := false
	number := 0
	for line := range strings.Lines(string(content)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := l.add(line); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		found = true
	}
	if !found {
		return errors.New("it contains no public key; put one in each line, as in authorized_keys")
	}
	return nil
}

// add adds one line. The same key with the same options is added once, whatever its comment.
func (l *keyList) add(line string) error {
	if !utf8.ValidString(line) ||
		strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
		return errors.New("it contains characters that no public key has; put lines such as ssh-ed25519 AAAA... there")
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return errors.New("it is not an OpenSSH public key; put lines such as ssh-ed25519 AAAA... there")
	}
	if _, isCertificate := key.(*ssh.Certificate); isCertificate {
		return errors.New("it is a certificate, which sshd does not take as an authorized key; put the public key there")
	}
	identity := strings.Join(options, ",") + "\x00" + string(key.Marshal())
	if l.seen[identity] {
		return nil
	}
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	l.seen[identity] = true
	l.lines = append(l.lines, text(line))
	return nil
}

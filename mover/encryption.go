package mover

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// encryptedMagic is how an encrypted file begins (https://age-encryption.org/v1).
var encryptedMagic = []byte("age-encryption.org/v1\n")

// keysMissing reports that there is no key.
func keysMissing(err error) error {
	return &failure{v1alpha1.ReasonSecretMissing, "the Secret of encryption.secretRef does not exist, or has neither a " +
		"key " + RecipientFile + " nor a key " + IdentityFile + ": create it; age-keygen makes both", err}
}

// recipients are the public keys that a file is encrypted to: those of RecipientFile, otherwise those of IdentityFile.
func recipients(folder string) ([]age.Recipient, error) {
	content, err := os.ReadFile(filepath.Join(folder, RecipientFile))
	if err == nil {
		found, err := age.ParseRecipients(bytes.NewReader(content))
		if err != nil {
			return nil, unusableKey(RecipientFile)
		}
		return found, nil
	}
	if !os.IsNotExist(err) {
		return nil, err
	}
	secret, err := identities(folder)
	if isMissing(err) {
		return nil, keysMissing(err)
	}
	if err != nil {
		return nil, err
	}
	var found []age.Recipient
	for _, identity := range secret {
		switch identity := identity.(type) {
		case *age.X25519Identity:
			found = append(found, identity.Recipient())
		case *age.HybridIdentity:
			found = append(found, identity.Recipient())
		default:
			return nil, unusableKey(IdentityFile)
		}
	}
	return found, nil
}

// identities are the secret keys of IdentityFile.
func identities(folder string) ([]age.Identity, error) {
	content, err := os.ReadFile(filepath.Join(folder, IdentityFile))
	if os.IsNotExist(err) {
		return nil, &failure{v1alpha1.ReasonSecretMissing, "the Secret of encryption.secretRef does not exist, or has no " +
			"key " + IdentityFile + ", which is needed to decrypt: create it, from the file that age-keygen made", err}
	}
	if err != nil {
		return nil, err
	}
	found, err := age.ParseIdentities(bytes.NewReader(content))
	if err != nil {
		return nil, unusableKey(IdentityFile)
	}
	return found, nil
}

func isMissing(err error) bool {
	var known *failure
	return errors.As(err, &known) && known.reason == v1alpha1.ReasonSecretMissing
}

// unusableKey does not have the error of age, which quotes what it cannot read: that may be a secret key, also where a
// public one belongs.
func unusableKey(file string) error {
	return &failure{v1alpha1.ReasonKeyRefused,
		"the key " + file + " in the Secret of encryption.secretRef cannot be used: correct it",
		errors.New("it is not what age-keygen makes")}
}

// encrypted returns a reader of the encrypted content of another one.
func encrypted(plain io.ReadCloser, to []age.Recipient) io.ReadCloser {
	reader, writer := io.Pipe()
	go func() {
		defer plain.Close()
		target, err := age.Encrypt(writer, to...)
		if err == nil {
			_, err = io.CopyBuffer(onlyWriter{target}, plain, make([]byte, copyBuffer))
		}
		if err == nil {
			err = target.Close()
		}
		_ = writer.CloseWithError(err)
	}()
	return reader
}

// encryptionBound is an upper bound of the size of an encrypted file: a tag of 16 bytes for each 64 KiB, and a header
// that grows with the number of keys.
func encryptionBound(size int64) int64 { return size + (size>>16+1)*16 + 1<<20 }

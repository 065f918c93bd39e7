// Package naming derives names and addresses of things from the objects that they belong to. All of it is pure, and the same input
// gives the same output for ever: the names of people's machines and disks depend on it.
package naming

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// maxLabel is the longest DNS-1123 label, in characters.
const maxLabel = 63

// hashLength is the number of hexadecimal digits that tell names apart when owner and part alone do not.
const hashLength = 8

// digest tells a part that looks like the digest of another name.
var digest = regexp.MustCompile(`^[0-9a-f]{8}$`)

// Child names what an owner has for one of its parts: "web" and "root" give "web-root".
//
// Both must be DNS-1123 labels; so is the result, of at most 63 characters. The last hyphen splits owner and part as long as
// the part has none, so no two pairs share such a name. A part with a hyphen, or a name that would be too long, gets a digest
// of owner and part: "a" and "b-c" must not meet "a-b" and "c". So does a part that itself looks like a digest, which keeps the two kinds
// of names apart; names with a digest meet only if SHA-256 meets in 32 bits under the same prefix.
func Child(owner, part string) string {
	plain := owner + "-" + part
	if !strings.Contains(part, "-") && len(plain) <= maxLabel && !digest.MatchString(part) {
		return plain
	}
	sum := sha256.Sum256([]byte(owner + "\x00" + part))
	suffix := "-" + hex.EncodeToString(sum[:])[:hashLength]
	if len(plain) > maxLabel-len(suffix) {
		plain = plain[:maxLabel-len(suffix)]
	}
	return strings.TrimRight(plain, "-") + suffix
}

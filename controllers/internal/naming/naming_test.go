package naming

import (
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
)

// TestChildIsFixedForEver: people's disks carry these names, so a change of one is a loss of data.
func TestChildIsFixedForEver(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, test := range []struct{ owner, part, wanted string }{
		{"web", "root", "web-root"},
		{"web-1", "root", "web-1-root"},
		{"a-b", "c", "a-b-c"},
		{"a", "b-c", "a-b-c-02654a5c"},
		{"web", "deadbeef", "web-deadbeef-f4b24094"},
		{"web", "deadbee", "web-deadbee"},
		{strings.Repeat("a", 58), "root", strings.Repeat("a", 58) + "-root"},
		{strings.Repeat("a", 59), "root", strings.Repeat("a", 54) + "-95e22ece"},
		{long, "root", strings.Repeat("a", 54) + "-b13324ff"},
		{strings.Repeat("a", 53) + "-b", "root-1", strings.Repeat("a", 53) + "-d41b1bd9"},
	} {
		assert.Equal(t, test.wanted, Child(test.owner, test.part), "owner %s, part %s", test.owner, test.part)
	}
}

// TestB19ChildrenOfDifferentOwnersNeverShareAName goes through every pair of short names over an alphabet that has the hyphen.
func TestB19ChildrenOfDifferentOwnersNeverShareAName(t *testing.T) {
	names := shortNames()
	pairOf := map[string][2]string{}
	for _, owner := range names {
		for _, part := range names {
			name := Child(owner, part)
			other, taken := pairOf[name]
			require.False(t, taken, "%q and %q both give %s", other, [2]string{owner, part}, name)
			pairOf[name] = [2]string{owner, part}
		}
	}
}

// TestB19ADigestAsAPartDoesNotMeetADigest: somebody could name a disk like the digest of another.
func TestB19ADigestAsAPartDoesNotMeetADigest(t *testing.T) {
	hashed := Child("a", "b-c")
	cut := strings.LastIndex(hashed, "-")
	assert.NotEqual(t, hashed, Child(hashed[:cut], hashed[cut+1:]))
}

func FuzzChild(f *testing.F) {
	f.Add("web", "root", "we", "b-root")
	f.Add("a", "b-c", "a-b", "c")
	f.Add(strings.Repeat("a", 63), "root", strings.Repeat("a", 62)+"b", "root")
	f.Fuzz(func(t *testing.T, owner, part, otherOwner, otherPart string) {
		for _, given := range []string{owner, part, otherOwner, otherPart} {
			if len(validation.IsDNS1123Label(given)) > 0 {
				t.Skip("no label")
			}
		}
		name := Child(owner, part)
		assert.Empty(t, validation.IsDNS1123Label(name))
		assert.Equal(t, name, Child(owner, part))
		if [2]string{owner, part} != [2]string{otherOwner, otherPart} {
			assert.NotEqual(t, name, Child(otherOwner, otherPart))
		}
	})
}

// TestMACIsFixedForEver: a guest knows its interfaces by these addresses.
func TestMACIsFixedForEver(t *testing.T) {
	assert.Equal(t, "ee:44:86:91:5c:11", MAC("5f9d7c0e-4c0e-4d3a-9d6b-0f6a5b8f1a11", "default"))
}

func TestMACDiffersByMachineAndInterface(t *testing.T) {
	seen := map[string]bool{}
	for _, uid := range []types.UID{"", "a", "b", "ab"} {
		for _, name := range []string{"", "c", "bc", "lan"} {
			address := MAC(uid, name)
			assert.False(t, seen[address], "%s of %s", name, uid)
			seen[address] = true
		}
	}
}

func FuzzMAC(f *testing.F) {
	f.Add("5f9d7c0e-4c0e-4d3a-9d6b-0f6a5b8f1a11", "default")
	lowerCase := regexp.MustCompile(`^[0-9a-f]{2}(:[0-9a-f]{2}){5}$`)
	f.Fuzz(func(t *testing.T, uid, interfaceName string) {
		text := MAC(types.UID(uid), interfaceName)
		require.Regexp(t, lowerCase, text)
		address, err := net.ParseMAC(text)
		require.NoError(t, err)
		assert.Zero(t, address[0]&0x01, "unicast")
		assert.NotZero(t, address[0]&0x02, "locally administered")
		assert.Equal(t, text, MAC(types.UID(uid), interfaceName))
	})
}

// shortNames are the DNS-1123 labels of up to five characters over a, b and the hyphen.
func shortNames() []string {
	var names []string
	level := []string{""}
	for range 5 {
		var next []string
		for _, prefix := range level {
			for _, letter := range []string{"a", "b", "-"} {
				next = append(next, prefix+letter)
			}
		}
		level = next
		for _, name := range level {
			if len(validation.IsDNS1123Label(name)) == 0 {
				names = append(names, name)
			}
		}
	}
	return names
}

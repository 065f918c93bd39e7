package addresslock

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/util/validation"
)

// TestNamesAreFixedForEver: a lock with another name would protect nothing.
func TestNamesAreFixedForEver(t *testing.T) {
	for _, test := range []struct{ segment, address, wanted string }{
		{"bridge/br0/0", "10.0.0.6", "49a95121cb09faaf-10-0-0-6"},
		{"bridge/br0/0", "fd00::a", "49a95121cb09faaf-fd00-0000-0000-0000-0000-0000-0000-000a"},
		{"bridge/br0/0", "fd00:0:0::000a", "49a95121cb09faaf-fd00-0000-0000-0000-0000-0000-0000-000a"},
		{"floor-2", "10.0.0.6", "13073bce036450e9-10-0-0-6"},
	} {
		name := Name(test.segment, netip.MustParseAddr(test.address))
		assert.Equal(t, test.wanted, name)
		assert.Empty(t, validation.IsDNS1123Subdomain(name))
	}
	assert.Equal(t, "49a95121cb09faaf-mac-02-00-00-00-00-aa", MACName("bridge/br0/0", "02:00:00:00:00:AA"))
}

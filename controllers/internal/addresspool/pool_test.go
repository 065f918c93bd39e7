package addresspool

import (
	"math"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func spec(
	cidr, gateway string, pool v1alpha1.AddressPool, reserved ...v1alpha1.AddressReservation,
) *v1alpha1.WukongNetworkSpec {
	return &v1alpha1.WukongNetworkSpec{Subnets: []v1alpha1.Subnet{{CIDR: cidr, Gateway: gateway, Pool: &pool}},
		Reservations: reserved}
}

func ranges(ends ...v1alpha1.IPAddress) v1alpha1.AddressPool {
	var pool v1alpha1.AddressPool
	for i := 0; i < len(ends); i += 2 {
		pool.Ranges = append(pool.Ranges, v1alpha1.AddressRange{Start: ends[i], End: ends[i+1]})
	}
	return pool
}

func without(pool v1alpha1.AddressPool, excluded ...v1alpha1.AddressOrCIDR) v1alpha1.AddressPool {
	pool.Exclude = excluded
	return pool
}

// all returns the addresses of a pool, beginning at the one that seed chooses.
func all(t *testing.T, pool *Pool, seed uint64) []string {
	t.Helper()
	var found []string
	require.NoError(t, pool.Candidates(seed, func(address netip.Addr) (bool, error) {
		found = append(found, address.String())
		return false, nil
	}))
	return found
}

func TestPools(t *testing.T) {
	for name, test := range map[string]struct {
		spec   *v1alpha1.WukongNetworkSpec
		wanted []string
	}{
		"a whole subnet": {spec("10.0.0.0/29", "10.0.0.1", v1alpha1.AddressPool{}),
			[]string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}},
		"two addresses, no broadcast": {spec("10.0.0.0/31", "", v1alpha1.AddressPool{}),
			[]string{"10.0.0.0", "10.0.0.1"}},
		"ranges, the gateway within": {spec("10.0.0.0/24", "10.0.0.11",
			ranges("10.0.0.10", "10.0.0.12", "10.0.0.20", "10.0.0.20")),
			[]string{"10.0.0.10", "10.0.0.12", "10.0.0.20"}},
		"a range of broadcast": {spec("10.0.0.0/24", "", ranges("10.0.0.253", "10.0.0.255")),
			[]string{"10.0.0.253", "10.0.0.254"}},
		"without an address and network": {spec("10.0.0.0/29", "",
			without(v1alpha1.AddressPool{}, "10.0.0.1", "10.0.0.4/30")), []string{"10.0.0.2", "10.0.0.3"}},
		"IPv6 has no broadcast": {spec("fd00::/126", "", v1alpha1.AddressPool{}),
			[]string{"fd00::1", "fd00::2", "fd00::3"}},
	} {
		t.Run(name, func(t *testing.T) {
			pools, err := Parse(test.spec)
			require.NoError(t, err)
			require.Len(t, pools, 1)
			assert.Equal(t, int64(len(test.wanted)), pools[0].Total)
			assert.Equal(t, test.wanted, all(t, &pools[0], 0))
			for seed := range uint64(len(test.wanted)) {
				found := all(t, &pools[0], seed)
				assert.Equal(t, test.wanted[seed], found[0])
				assert.ElementsMatch(t, test.wanted, found, "each once, wherever it begins")
			}
		})
	}
}

func TestLargePools(t *testing.T) {
	for cidr, wanted := range map[string]int64{"10.0.0.0/8": 1<<24 - 2, "fd00::/64": defaultIPv6} {
		pools, err := Parse(spec(cidr, "", v1alpha1.AddressPool{}))
		require.NoError(t, err)
		assert.Equal(t, wanted, pools[0].Total)
	}
	pools, err := Parse(spec("fd00::/32", "", ranges("fd00::", "fd00:0:ffff:ffff:ffff:ffff:ffff:ffff")))
	require.NoError(t, err)
	assert.Equal(t, int64(math.MaxInt64), pools[0].Total)
	require.NoError(t, pools[0].Candidates(math.MaxUint64, func(address netip.Addr) (bool, error) {
		assert.True(t, pools[0].Has(address))
		return true, nil
	}))
}

func TestPoolsThatCannotBe(t *testing.T) {
	for wanted, test := range map[string]*v1alpha1.WukongNetworkSpec{
		"range 10.0.1.5 to 10.0.1.9 is not inside 10.0.0.0/24: move it there": spec("10.0.0.0/24", "",
			ranges("10.0.1.5", "10.0.1.9")),
		"range 10.0.0.9 to 10.0.0.5 ends before it starts: exchange the two": spec("10.0.0.0/24", "",
			ranges("10.0.0.9", "10.0.0.5")),
		"range 10.0.0.7 to 10.0.0.9 overlaps another": spec("10.0.0.0/24", "",
			ranges("10.0.0.5", "10.0.0.7", "10.0.0.7", "10.0.0.9")),
		"range fd00::1 to fd00::2 is not inside 10.0.0.0/24": spec("10.0.0.0/24", "",
			ranges("fd00::1", "fd00::2")),
		"range 10.0.0.1 to last: both must be IP addresses": spec("10.0.0.0/24", "",
			ranges("10.0.0.1", "last")),
		"exclude: 10.0.1.1 is not inside 10.0.0.0/24": spec("10.0.0.0/24", "",
			without(v1alpha1.AddressPool{}, "10.0.1.1")),
		"exclude: 10.1.0.0/16 is not inside 10.0.0.0/24": spec("10.0.0.0/24", "",
			without(v1alpha1.AddressPool{}, "10.1.0.0/16")),
		"exclude: router is not an IP address": spec("10.0.0.0/24", "",
			without(v1alpha1.AddressPool{}, "router")),
		"no address is left": spec("10.0.0.0/30", "10.0.0.1",
			without(v1alpha1.AddressPool{}, "10.0.0.2")),
		"reservations: 10.0.1.5 lies in no subnet with a pool": spec("10.0.0.0/24", "",
			v1alpha1.AddressPool{}, v1alpha1.AddressReservation{Address: "10.0.1.5", MachineName: "a"}),
		"reservations: 10.0.0.1 is the gateway of subnet 10.0.0.0/24": spec("10.0.0.0/24", "10.0.0.1",
			v1alpha1.AddressPool{}, v1alpha1.AddressReservation{Address: "10.0.0.1", MachineName: "a"}),
		"reservations: fd00::5 is listed twice": spec("fd00::/64", "",
			v1alpha1.AddressPool{}, v1alpha1.AddressReservation{Address: "fd00::5"},
			v1alpha1.AddressReservation{Address: "fd00:0::5"}),
		"pool of subnet 10.0.0.0/33: 10.0.0.0/33 is not a network with prefix length": spec("10.0.0.0/33", "",
			v1alpha1.AddressPool{}),
		"reservations: ::ffff:10.0.0.5 is not an IP address": spec("10.0.0.0/24", "",
			v1alpha1.AddressPool{}, v1alpha1.AddressReservation{Address: "::ffff:10.0.0.5"}),
	} {
		t.Run(wanted, func(t *testing.T) {
			_, err := Parse(test)
			require.Error(t, err)
			assert.Contains(t, err.Error(), wanted)
		})
	}
}

func TestCount(t *testing.T) {
	given := spec("10.0.0.0/24", "", ranges("10.0.0.10", "10.0.0.19"),
		v1alpha1.AddressReservation{Address: "10.0.0.10", MachineName: "a"},
		v1alpha1.AddressReservation{Address: "10.0.0.11", MachineName: "b"},
		v1alpha1.AddressReservation{Address: "10.0.0.99", MachineName: "outside of the ranges"})
	pools, err := Parse(given)
	require.NoError(t, err)
	taken := map[netip.Addr]bool{netip.MustParseAddr("10.0.0.10"): true, netip.MustParseAddr("10.0.0.12"): true,
		netip.MustParseAddr("10.0.0.200"): true}
	assert.Equal(t, []v1alpha1.PoolStatus{{CIDR: "10.0.0.0/24", Total: 10, Used: 2, Reserved: 1, Free: 7}},
		Count(given, pools, taken))
}

// FuzzPool: any input gives an error, or a pool of host addresses of the subnet without the excluded ones.
func FuzzPool(f *testing.F) {
	f.Add("10.0.0.0/24", "10.0.0.1", "10.0.0.5", "10.0.0.9", "10.0.0.6", uint64(3))
	f.Add("fd00::/64", "fd00::1", "fd00::", "fd00::ffff", "fd00::/120", uint64(70000))
	f.Add("10.0.0.0/31", "", "10.0.0.0", "10.0.0.1", "10.0.0.0/32", uint64(0))
	f.Add("0.0.0.0/0", "0.0.0.0", "0.0.0.0", "255.255.255.255", "128.0.0.0/1", uint64(1<<63))
	f.Add("::/0", "::", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "8000::/1", uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, cidr, gateway, start, end, excluded string, seed uint64) {
		pools, err := Parse(spec(cidr, gateway,
			without(ranges(v1alpha1.IPAddress(start), v1alpha1.IPAddress(end)), v1alpha1.AddressOrCIDR(excluded))))
		if err != nil {
			assert.NotEmpty(t, err.Error())
			return
		}
		pool := &pools[0]
		require.Positive(t, pool.Total)
		count := int64(0)
		seen := map[netip.Addr]bool{}
		require.NoError(t, pool.Candidates(seed, func(address netip.Addr) (bool, error) {
			count++
			require.False(t, seen[address], "%s comes twice", address)
			seen[address] = true
			require.True(t, pool.Subnet.Contains(address) && pool.Has(address), "%s", address)
			require.NotEqual(t, gateway, address.String())
			if prefix, err := netip.ParsePrefix(excluded); err == nil {
				require.False(t, prefix.Contains(address))
			}
			return count > 300, nil
		}))
		if pool.Total <= 300 {
			assert.Equal(t, pool.Total, count)
		}
	})
}

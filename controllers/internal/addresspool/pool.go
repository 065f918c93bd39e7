// Package addresspool computes which addresses the pools of a network can give. It is pure.
package addresspool

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"strings"

	"go4.org/netipx"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// defaultIPv6 is how many addresses an IPv6 pool without ranges has, from the start of its subnet: nobody can survey a
// subnet of 2^64.
const defaultIPv6 = 1 << 16

// Pool is a subnet's pool.
type Pool struct {
	// Subnet that contains the addresses.
	Subnet netip.Prefix
	// Total is the number of addresses of the pool, at most math.MaxInt64.
	Total int64

	addresses *netipx.IPSet
}

// Parse returns the pools of a network, in the order of its subnets. The error names the field and the fix.
func Parse(spec *v1alpha1.WukongNetworkSpec) ([]Pool, error) {
	var pools []Pool
	for i := range spec.Subnets {
		if spec.Subnets[i].Pool == nil {
			continue
		}
		pool, err := parse(&spec.Subnets[i])
		if err != nil {
			return nil, fmt.Errorf("pool of subnet %s: %w", spec.Subnets[i].CIDR, err)
		}
		pools = append(pools, pool)
	}
	return pools, checkReservations(spec)
}

func parse(subnet *v1alpha1.Subnet) (Pool, error) {
	prefix, err := netip.ParsePrefix(subnet.CIDR)
	if err != nil {
		return Pool{}, fmt.Errorf("%s is not a network with prefix length", subnet.CIDR)
	}
	prefix = prefix.Masked()
	builder := &netipx.IPSetBuilder{}
	if err := addRanges(builder, prefix, subnet.Pool.Ranges); err != nil {
		return Pool{}, err
	}
	for _, text := range subnet.Pool.Exclude {
		if err := exclude(builder, prefix, string(text)); err != nil {
			return Pool{}, err
		}
	}
	if gateway, err := netip.ParseAddr(subnet.Gateway); err == nil {
		builder.Remove(gateway)
	}
	// A subnet of one or two addresses has neither a network nor a broadcast address (RFC 3021, RFC 6164).
	if prefix.Bits() < prefix.Addr().BitLen()-1 {
		builder.Remove(prefix.Addr())
		if prefix.Addr().Is4() {
			builder.Remove(netipx.PrefixLastIP(prefix))
		}
	}
	set, err := builder.IPSet()
	if err != nil {
		return Pool{}, err
	}
	pool := Pool{Subnet: prefix, addresses: set}
	for _, part := range set.Ranges() {
		pool.Total = add(pool.Total, size(part))
	}
	if pool.Total == 0 {
		return Pool{}, fmt.Errorf("no address is left: widen ranges, or exclude less")
	}
	return pool, nil
}

func addRanges(builder *netipx.IPSetBuilder, prefix netip.Prefix, ranges []v1alpha1.AddressRange) error {
	if len(ranges) == 0 {
		whole := netipx.RangeOfPrefix(prefix)
		if prefix.Addr().Is6() && size(whole) > defaultIPv6 {
			whole = netipx.IPRangeFrom(prefix.Addr(), advance(prefix.Addr(), defaultIPv6))
		}
		builder.AddRange(whole)
		return nil
	}
	seen := &netipx.IPSetBuilder{}
	for _, item := range ranges {
		part, err := parseRange(prefix, item)
		if err != nil {
			return err
		}
		before, err := seen.IPSet()
		if err != nil {
			return err
		}
		if before.OverlapsRange(part) {
			return fmt.Errorf("range %s to %s overlaps another: an address is given by one range", item.Start, item.End)
		}
		seen.AddRange(part)
		builder.AddRange(part)
	}
	return nil
}

func parseRange(prefix netip.Prefix, item v1alpha1.AddressRange) (netipx.IPRange, error) {
	start, startErr := parseAddress(string(item.Start))
	end, endErr := parseAddress(string(item.End))
	switch {
	case startErr != nil || endErr != nil:
		return netipx.IPRange{}, fmt.Errorf("range %s to %s: both must be IP addresses", item.Start, item.End)
	case !prefix.Contains(start) || !prefix.Contains(end):
		return netipx.IPRange{},
			fmt.Errorf("range %s to %s is not inside %s: move it there, or widen the subnet", item.Start,
				item.End, prefix)
	case end.Less(start):
		return netipx.IPRange{},
			fmt.Errorf("range %s to %s ends before it starts: exchange the two", item.Start, item.End)
	}
	return netipx.IPRangeFrom(start, end), nil
}

func exclude(builder *netipx.IPSetBuilder, subnet netip.Prefix, text string) error {
	if !strings.Contains(text, "/") {
		address, err := parseAddress(text)
		if err != nil {
			return fmt.Errorf("exclude: %s is not an IP address", text)
		}
		if !subnet.Contains(address) {
			return fmt.Errorf("exclude: %s is not inside %s: correct it, or leave it out", text, subnet)
		}
		builder.Remove(address)
		return nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("exclude: %s is not a network with prefix length", text)
	}
	if !subnet.Overlaps(prefix) {
		return fmt.Errorf("exclude: %s is not inside %s: correct it, or leave it out", text, subnet)
	}
	builder.RemovePrefix(prefix.Masked())
	return nil
}

// parseAddress refuses ambiguous texts: an address with a zone, and IPv4 written as IPv6.
func parseAddress(text string) (netip.Addr, error) {
	address, err := netip.ParseAddr(text)
	if err == nil && (address.Zone() != "" || address.Is4In6()) {
		err = fmt.Errorf("%s has a zone, or is IPv4 written as IPv6", text)
	}
	return address, err
}

// Has reports whether an address belongs to the pool.
func (p *Pool) Has(address netip.Addr) bool { return p.addresses.Contains(address) }

// Candidates calls try with every address of the pool, beginning at one that seed chooses, until try returns done or
// an error.
func (p *Pool) Candidates(seed uint64, try func(netip.Addr) (done bool, err error)) error {
	ranges := p.addresses.Ranges()
	first := int64(seed % uint64(p.Total))
	begin := 0
	for first >= size(ranges[begin]) {
		first -= size(ranges[begin])
		begin++
	}
	start := advance(ranges[begin].From(), first)
	for i := 0; i <= len(ranges); i++ {
		part := ranges[(begin+i)%len(ranges)]
		from, to := part.From(), part.To()
		switch i {
		case 0:
			from = start
		case len(ranges):
			// The part before the first candidate comes last.
			to = start.Prev()
			if to.Less(from) || !part.Contains(to) {
				return nil
			}
		}
		for address := from; ; address = address.Next() {
			if done, err := try(address); done || err != nil {
				return err
			}
			if address == to {
				break
			}
		}
	}
	return nil
}

// size returns the number of addresses of a range, at most math.MaxInt64.
func size(part netipx.IPRange) int64 {
	fromHigh, fromLow := halves(part.From())
	toHigh, toLow := halves(part.To())
	low, borrow := bits.Sub64(toLow, fromLow, 0)
	high, _ := bits.Sub64(toHigh, fromHigh, borrow)
	if high != 0 || low >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(low) + 1
}

// advance returns the address that is count after another. It must exist.
func advance(address netip.Addr, count int64) netip.Addr {
	high, low := halves(address)
	low, carry := bits.Add64(low, uint64(count), 0)
	high += carry
	var bytes [16]byte
	binary.BigEndian.PutUint64(bytes[:8], high)
	binary.BigEndian.PutUint64(bytes[8:], low)
	result := netip.AddrFrom16(bytes)
	if address.Is4() {
		return result.Unmap()
	}
	return result
}

func halves(address netip.Addr) (high, low uint64) {
	bytes := address.As16()
	return binary.BigEndian.Uint64(bytes[:8]), binary.BigEndian.Uint64(bytes[8:])
}

func add(one, two int64) int64 {
	if one > math.MaxInt64-two {
		return math.MaxInt64
	}
	return one + two
}

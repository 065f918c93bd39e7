package policystandin

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// tableName is the table of the node's firewall that the stand-in owns.
const tableName = "wukong-network-policy"

const (
	register     = 1
	offsetSource = 0
	offsetTarget = 1
)

// addressAt are the places of an address in the header, source and target.
var addressAt = map[bool][2]uint32{true: {12, 16}, false: {8, 24}}

// Apply replaces the table by one for these pods, in one transaction: no packet sees half of it.
func Apply(isolations []Isolation) error {
	connection, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	write(connection, isolations)
	if err := connection.Flush(); err != nil {
		return fmt.Errorf("write table %s: %w", tableName, err)
	}
	return nil
}

func write(connection *nftables.Conn, isolations []Isolation) {
	// A table must exist to be deleted.
	table := connection.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: tableName})
	connection.DelTable(table)
	table = connection.AddTable(table)
	accept := nftables.ChainPolicyAccept
	base := func(name string, hook *nftables.ChainHook) *nftables.Chain {
		chain := connection.AddChain(&nftables.Chain{
			Name: name, Table: table, Type: nftables.ChainTypeFilter, Hooknum: hook,
			Priority: nftables.ChainPriorityFilter, Policy: &accept,
		})
		connection.AddRule(&nftables.Rule{
			Table: table, Chain: chain, Exprs: append(answers(), verdict(expr.VerdictAccept, "")),
		})
		return chain
	}
	forward, input := base("forward", nftables.ChainHookForward), base("input", nftables.ChainHookInput)
	for i := range isolations {
		one := &isolations[i]
		for _, direction := range []struct {
			Direction
			name string
			// pod and peer are where the pod's address and the other's are.
			pod, peer int
			bases     []*nftables.Chain
		}{
			{one.Ingress, "to-", offsetTarget, offsetSource, []*nftables.Chain{forward}},
			{one.Egress, "from-", offsetSource, offsetTarget, []*nftables.Chain{forward, input}},
		} {
			if !direction.Closed {
				continue
			}
			chain := connection.AddChain(&nftables.Chain{Name: direction.name + one.Address.String(), Table: table})
			for _, allowance := range direction.Allowed {
				rule := append(ofProtocol(allowance), verdict(expr.VerdictReturn, ""))
				if allowance.Peer.IsValid() {
					rule = append(ofAddress(allowance.Peer, direction.peer), rule...)
				}
				connection.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: rule})
			}
			connection.AddRule(&nftables.Rule{
				Table: table, Chain: chain, Exprs: []expr.Any{verdict(expr.VerdictDrop, "")},
			})
			for _, from := range direction.bases {
				pod := ofAddress(netip.PrefixFrom(one.Address, one.Address.BitLen()), direction.pod)
				connection.AddRule(&nftables.Rule{
					Table: table, Chain: from, Exprs: append(pod, verdict(expr.VerdictJump, chain.Name)),
				})
			}
		}
	}
}

func verdict(kind expr.VerdictKind, chain string) expr.Any {
	return &expr.Verdict{Kind: kind, Chain: chain}
}

// answers matches packets of connections that exist: `ct state established,related`.
func answers() []expr.Any {
	return []expr.Any{
		&expr.Ct{Register: register, Key: expr.CtKeySTATE},
		&expr.Bitwise{
			SourceRegister: register, DestRegister: register, Len: 4,
			Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED),
			Xor:  make([]byte, 4),
		},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: make([]byte, 4)},
	}
}

// ofAddress matches packets whose source or target lies in a prefix.
func ofAddress(prefix netip.Prefix, which int) []expr.Any {
	ipv4 := prefix.Addr().Is4()
	family := byte(unix.NFPROTO_IPV6)
	if ipv4 {
		family = unix.NFPROTO_IPV4
	}
	address := prefix.Masked().Addr().AsSlice()
	mask := make([]byte, len(address))
	for bit := range prefix.Bits() {
		mask[bit/8] |= 1 << (7 - bit%8)
	}
	length := uint32(len(address)) //nolint:gosec // 4 or 16.
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{family}},
		&expr.Payload{
			DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: addressAt[ipv4][which], Len: length,
		},
		&expr.Bitwise{
			SourceRegister: register, DestRegister: register, Len: length, Mask: mask, Xor: make([]byte, length),
		},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: address},
	}
}

// ofProtocol matches packets to the ports of an allowance.
func ofProtocol(allowance Allowance) []expr.Any {
	if allowance.Protocol == 0 {
		return nil
	}
	result := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{allowance.Protocol}},
	}
	if allowance.First == 0 {
		return result
	}
	// The target port has the same place in TCP, UDP and SCTP.
	return append(
		result,
		&expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpGte, Register: register, Data: binaryutil.BigEndian.PutUint16(allowance.First)},
		&expr.Cmp{Op: expr.CmpOpLte, Register: register, Data: binaryutil.BigEndian.PutUint16(allowance.Last)},
	)
}

package nmstatestandin

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// addVLAN makes a VLAN interface, with the kernel's own type or with what stands in for it.
//
// The stand-in is a veth pair. What comes from the wire with the tag loses it and arrives at the one end; what is sent
// there comes out at the other, gets the tag, and goes to the wire. Both is done by a program on the ingress of an
// interface (clsact), one priority for each tag.
func addVLAN(name string, wanted *vlan) error {
	base, err := netlink.LinkByName(wanted.BaseInterface)
	if err != nil {
		return fmt.Errorf("base interface %s: %w", wanted.BaseInterface, err)
	}
	if err := netlink.LinkSetUp(base); err != nil {
		return fmt.Errorf("set %s up: %w", wanted.BaseInterface, err)
	}
	err = netlink.LinkAdd(&netlink.Vlan{
		LinkAttrs: netlink.LinkAttrs{Name: name, ParentIndex: base.Attrs().Index}, VlanId: wanted.ID,
	})
	if !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	pair := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: name, MTU: base.Attrs().MTU, HardwareAddr: base.Attrs().HardwareAddr},
		PeerName:  hidden(base, wanted.ID),
	}
	if err := netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("make the pair: %w", err)
	}
	peer, err := netlink.LinkByName(pair.PeerName)
	if err == nil {
		err = errors.Join(
			filter(base, fromWire(peer.Attrs().Index, wanted.ID), filterName(wanted.ID), wanted.ID),
			filter(peer, toWire(base.Attrs().Index, wanted.ID), filterName(wanted.ID), wanted.ID),
			netlink.LinkSetUp(peer))
	}
	if err != nil {
		return errors.Join(err, netlink.LinkDel(pair))
	}
	return nil
}

// hidden is the name of the pair's other end. It tells of which interface and tag it is, for removeVLAN.
func hidden(base netlink.Link, id int) string { return fmt.Sprintf("v%d-%d", base.Attrs().Index, id) }

func filterName(id int) string { return fmt.Sprintf("standin-vlan-%d", id) }

// removeVLAN takes away a VLAN interface with all that stands in for it.
func removeVLAN(link netlink.Link) error {
	if pair, ok := link.(*netlink.Veth); ok {
		if err := removeFilter(pair); err != nil {
			return err
		}
	}
	if err := netlink.LinkDel(link); err != nil {
		return fmt.Errorf("remove %s: %w", link.Attrs().Name, err)
	}
	return nil
}

func removeFilter(pair *netlink.Veth) error {
	index, err := netlink.VethPeerIndex(pair)
	if err != nil {
		return fmt.Errorf("find the other end of %s: %w", pair.Name, err)
	}
	peer, err := netlink.LinkByIndex(index)
	if err != nil {
		return fmt.Errorf("find the other end of %s: %w", pair.Name, err)
	}
	var baseIndex, id int
	if _, err := fmt.Sscanf(peer.Attrs().Name, "v%d-%d", &baseIndex, &id); err != nil {
		return fmt.Errorf("%s is no VLAN interface of this stand-in", pair.Name)
	}
	base, err := netlink.LinkByIndex(baseIndex)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the base of %s: %w", pair.Name, err)
	}
	filters, err := netlink.FilterList(base, netlink.HANDLE_MIN_INGRESS)
	if err != nil {
		return fmt.Errorf("list the filters of %s: %w", base.Attrs().Name, err)
	}
	for _, one := range filters {
		if found, ok := one.(*netlink.BpfFilter); ok && strings.HasPrefix(found.Name, filterName(id)) &&
			int(found.Priority) == id {
			if err := netlink.FilterDel(one); err != nil {
				return fmt.Errorf("take the filter of VLAN %d off %s: %w", id, base.Attrs().Name, err)
			}
		}
	}
	return nil
}

// filter runs a program on what comes into an interface.
func filter(link netlink.Link, instructions asm.Instructions, name string, priority int) error {
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, Instructions: instructions, License: "GPL"})
	if err != nil {
		return fmt.Errorf("load the program of %s: %w", link.Attrs().Name, err)
	}
	defer program.Close()
	index := link.Attrs().Index
	queue := &netlink.GenericQdisc{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: index, Handle: netlink.MakeHandle(0xffff, 0),
			Parent: netlink.HANDLE_CLSACT}, QdiscType: "clsact",
	}
	if err := netlink.QdiscAdd(queue); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add a queue to %s: %w", link.Attrs().Name, err)
	}
	err = netlink.FilterAdd(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: index, Parent: netlink.HANDLE_MIN_INGRESS, Handle: 1, Protocol: unix.ETH_P_ALL,
			Priority: uint16(priority),
		},
		Fd: program.FD(), Name: name, DirectAction: true,
	})
	if err != nil {
		return fmt.Errorf("add a filter to %s: %w", link.Attrs().Name, err)
	}
	return nil
}

// Fields of struct __sk_buff (linux/bpf.h).
const (
	vlanPresent = 20
	vlanTCI     = 24
	// tagMask is the part of a tag that is the VLAN id.
	tagMask = 0xfff
	// protocol is 802.1Q, 0x8100, in the order of the network.
	protocol = 0x0081
	// unspecified lets other filters decide (TC_ACT_UNSPEC).
	unspecified = -1
)

// fromWire takes the tag off, and sends what is left out of the peer: it arrives at the pair's end.
func fromWire(peer, id int) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMem(asm.R2, asm.R1, vlanPresent, asm.Word),
		asm.JEq.Imm(asm.R2, 0, "pass"),
		asm.LoadMem(asm.R2, asm.R1, vlanTCI, asm.Word),
		asm.And.Imm(asm.R2, tagMask),
		asm.JNE.Imm(asm.R2, int32(id), "pass"),
		asm.FnSkbVlanPop.Call(),
		asm.Mov.Imm(asm.R1, int32(peer)),
		asm.Mov.Imm(asm.R2, 0),
		asm.FnRedirect.Call(),
		asm.Return(),
		asm.Mov.Imm(asm.R0, unspecified).WithSymbol("pass"),
		asm.Return(),
	}
}

// toWire puts the tag on, and sends it out of the base.
func toWire(base, id int) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Imm(asm.R2, protocol),
		asm.Mov.Imm(asm.R3, int32(id)),
		asm.FnSkbVlanPush.Call(),
		asm.Mov.Imm(asm.R1, int32(base)),
		asm.Mov.Imm(asm.R2, 0),
		asm.FnRedirect.Call(),
		asm.Return(),
	}
}

package guestagent

import (
	"errors"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// leaseScript applies what a DHCP client got. It is started with $metric in its environment.
	leaseScript = "/usr/lib/tiny/lease"
	// resolverFolder has the part of resolv.conf of each interface.
	resolverFolder = "/run/resolver"
	resolverFile   = "/run/resolv.conf"
)

// links configures network interfaces that are there, and forgets those that leave.
type links struct {
	network network

	mutex   sync.Mutex
	clients map[string][]*os.Process // DHCP clients by interface
}

// start configures the interfaces that are there. An interface that fails is reported, and the others are not kept from
// working.
func (l *links) start() error {
	l.clients = map[string][]*os.Process{}
	if err := os.MkdirAll(resolverFolder, 0o755); err != nil {
		return err
	}
	errs := []error{setUp("lo")}
	found, err := netlink.LinkList()
	errs = append(errs, err)
	for _, link := range found {
		errs = append(errs, l.add(link.Attrs().Name))
	}
	return errors.Join(errs...)
}

func setUp(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// add configures an interface with a device behind it, once.
func (l *links) add(name string) error {
	if _, err := os.Stat(filepath.Join("/sys/class/net", name, "device")); err != nil {
		return nil
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if _, known := l.clients[name]; known {
		return nil
	}
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("interface %s: %w", name, err)
	}
	plan := l.network.planFor(name, link.Attrs().HardwareAddr.String())
	l.clients[name] = nil
	if err := configure(link, plan); err != nil {
		return fmt.Errorf("interface %s: %w", name, err)
	}
	for _, one := range []struct {
		wanted  bool
		program string
	}{{plan.dhcp4, "udhcpc"}, {plan.dhcp6, "udhcpc6"}} {
		if !one.wanted {
			continue
		}
		client, err := startClient(one.program, name, plan.metric)
		if err != nil {
			return fmt.Errorf("interface %s: %w", name, err)
		}
		l.clients[name] = append(l.clients[name], client)
	}
	return nil
}

// remove ends the DHCP clients of an interface that left.
func (l *links) remove(name string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, client := range l.clients[name] {
		_ = client.Signal(syscall.SIGTERM)
	}
	delete(l.clients, name)
	_ = os.Remove(filepath.Join(resolverFolder, name))
	if err := writeResolver(); err != nil {
		log.Printf("interface %s left: %v", name, err)
	}
}

func configure(link netlink.Link, plan plan) error {
	name := link.Attrs().Name
	// No address is taken from a router unless network-config says so.
	accept := "0"
	if plan.acceptRA {
		accept = "1"
	}
	writeKernel("/proc/sys/net/ipv6/conf/"+name+"/accept_ra", accept)
	if plan.mtu > 0 {
		if err := netlink.LinkSetMTU(link, plan.mtu); err != nil {
			return fmt.Errorf("set the MTU %d: %w", plan.mtu, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("set it up: %w", err)
	}
	for _, prefix := range plan.addresses {
		address := &netlink.Addr{IPNet: ipNet(prefix)}
		if prefix.Addr().Is6() {
			// It can be used at once. Wukong gives no address twice, and a test that does wants to see it work.
			address.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrReplace(link, address); err != nil {
			return fmt.Errorf("add address %s: %w", prefix, err)
		}
	}
	for _, one := range plan.routes {
		made := &netlink.Route{
			LinkIndex: link.Attrs().Index, Dst: ipNet(one.to), Gw: one.via.AsSlice(), Priority: one.metric,
		}
		if one.onLink {
			made.Flags = int(netlink.FLAG_ONLINK)
		}
		if err := netlink.RouteReplace(made); err != nil {
			return fmt.Errorf("add the route to %s via %s: %w", one.to, one.via, err)
		}
	}
	if plan.resolver == "" {
		return nil
	}
	if err := os.WriteFile(filepath.Join(resolverFolder, name), []byte(plan.resolver), 0o644); err != nil {
		return err
	}
	return writeResolver()
}

func ipNet(prefix netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}
}

// startClient starts a DHCP client that asks until it is answered.
func startClient(program, name string, metric int) (*os.Process, error) {
	client := exec.Command(program, "-f", "-t", "3", "-T", "1", "-A", "5", "-i", name, "-s", leaseScript)
	if metric > 0 {
		client.Env = append(os.Environ(), "metric="+strconv.Itoa(metric))
	}
	if err := client.Start(); err != nil {
		return nil, err
	}
	go func() { _ = client.Wait() }()
	return client.Process, nil
}

// writeResolver joins the parts of all interfaces, as the lease script does.
func writeResolver() error {
	parts, err := filepath.Glob(filepath.Join(resolverFolder, "*"))
	if err != nil {
		return err
	}
	var text []byte
	for _, part := range parts {
		content, err := os.ReadFile(part)
		if err != nil {
			return err
		}
		text = append(text, content...)
	}
	return os.WriteFile(resolverFile, text, 0o644)
}

// writeKernel sets a parameter of the kernel, and reports one that the kernel refuses.
func writeKernel(path, value string) {
	if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
		log.Print(err)
	}
}

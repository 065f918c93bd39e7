// Package netlab makes small networks of network namespaces, for the tests of what works on a node's network.
package netlab

import (
	"errors"
	"net"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Host is a network namespace of one test, in place of a node or a guest.
type Host struct {
	t      *testing.T
	handle netns.NsHandle
}

// New makes a host without a link. Without root the test is skipped.
func New(t *testing.T) *Host {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	h := &Host{t: t}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own, err := netns.Get()
	require.NoError(t, err)
	defer own.Close()
	h.handle, err = netns.New()
	require.NoError(t, err)
	require.NoError(t, netns.Set(own))
	t.Cleanup(func() { _ = h.handle.Close() })
	return h
}

// Do runs something inside.
func (h *Host) Do(what func() error) {
	h.t.Helper()
	done := make(chan error)
	go func() {
		// The thread ends with the goroutine, as nobody unlocks it.
		runtime.LockOSThread()
		if err := netns.Set(h.handle); err != nil {
			done <- err
			return
		}
		done <- what()
	}()
	require.NoError(h.t, <-done)
}

// Address gives a link an address, and sets it up.
func (h *Host) Address(name, cidr string) {
	h.t.Helper()
	h.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		given, err := netlink.ParseAddr(cidr)
		if err != nil {
			return err
		}
		return errors.Join(netlink.AddrAdd(link, given), netlink.LinkSetUp(link))
	})
}

// Cable joins interfaces of two hosts.
func Cable(t *testing.T, one *Host, name string, two *Host, other string) {
	t.Helper()
	require.NoError(t, netlink.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: name, Namespace: netlink.NsFd(one.handle)}, PeerName: other,
		PeerNamespace: netlink.NsFd(two.handle),
	}))
}

// Reaches tells whether a packet of UDP of a size gets from one host to a port of an address of another and back.
func Reaches(t *testing.T, from, to *Host, address string, port, size int) bool {
	t.Helper()
	target := net.JoinHostPort(address, strconv.Itoa(port))
	var server net.PacketConn
	to.Do(func() (err error) {
		server, err = net.ListenPacket("udp", target)
		return err
	})
	defer server.Close()
	go func() {
		buffer := make([]byte, 65536)
		for {
			count, peer, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(buffer[:count], peer)
		}
	}()
	var client net.Conn
	from.Do(func() (err error) {
		client, err = net.Dial("udp", target)
		return err
	})
	defer client.Close()
	for range 3 {
		_, _ = client.Write(make([]byte, size))
		require.NoError(t, client.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
		if count, err := client.Read(make([]byte, 65536)); err == nil && count == size {
			return true
		}
	}
	return false
}

// Package relay passes TCP connections on to a server, and cuts each one that has sent too much: for tests of uploads
// that must go on.
package relay

import (
	"fmt"
	"io"
	"log"
	"net"
	"strings"
)

// Relay is where connections come in, where they lead, and how many bytes a client may send by one.
type Relay struct {
	Listen, Target string
	Limit          int64
}

// Parse reads "LISTEN=TARGET", two addresses with ports. The limit must be a positive number of bytes.
func Parse(text string, limit int64) (Relay, error) {
	listen, target, found := strings.Cut(text, "=")
	if !found || listen == "" || target == "" {
		return Relay{}, fmt.Errorf("relay %q: want LISTEN=TARGET, such as :5001=registry:5000", text)
	}
	if limit < 1 {
		return Relay{},
			fmt.Errorf("relay %q: a relay that cuts connections after %d bytes passes nothing on: give a limit "+
				"before the relay", text, limit)
	}
	return Relay{Listen: listen, Target: target, Limit: limit}, nil
}

// ListenAndServe passes connections on until that fails.
func (r Relay) ListenAndServe() error {
	listener, err := net.Listen("tcp", r.Listen)
	if err != nil {
		return fmt.Errorf("relay to %s: %w", r.Target, err)
	}
	return r.Serve(listener)
}

// Serve passes on what comes to a listener until that is closed.
func (r Relay) Serve(listener net.Listener) error {
	for {
		client, err := listener.Accept()
		if err != nil {
			return fmt.Errorf("relay to %s: %w", r.Target, err)
		}
		go r.pass(client)
	}
}

// pass ends both connections as soon as either side has ended, or the client has sent what it may.
func (r Relay) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", r.Target)
	if err != nil {
		log.Printf("relay to %s: %s", r.Target, err)
		return
	}
	defer server.Close()
	ended := make(chan struct{}, 2)
	go func() { _, _ = io.CopyN(server, client, r.Limit); ended <- struct{}{} }()
	go func() { _, _ = io.Copy(client, server); ended <- struct{}{} }()
	<-ended
}

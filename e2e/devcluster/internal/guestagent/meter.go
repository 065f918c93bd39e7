package guestagent

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	// MeterPort is where a meter without an address waits.
	MeterPort = "9000"
	// MeterTime is how long a meter measures.
	MeterTime = 8 * time.Second

	connectPatience = 20 * time.Second
	acceptPatience  = 10 * time.Minute
	chunkSize       = 64 << 10
)

// Meter receives ("take") or sends ("give") for some time, to an address or, without one, with whoever connects, and
// returns bits per second of what it received.
func Meter(direction, address, port string, duration time.Duration) (int64, error) {
	if direction != "take" && direction != "give" {
		return 0, fmt.Errorf("meter: %q is neither take nor give", direction)
	}
	peer, err := meet(address, port)
	if err != nil {
		return 0, fmt.Errorf("meter: %w", err)
	}
	defer peer.Close()
	start := time.Now()
	if err := peer.SetDeadline(start.Add(duration)); err != nil {
		return 0, fmt.Errorf("meter: %w", err)
	}
	count, chunk := int64(0), make([]byte, chunkSize)
	for time.Since(start) < duration {
		if direction == "give" {
			_, err = peer.Write(chunk)
		} else {
			var n int
			n, err = peer.Read(chunk)
			count += int64(n)
		}
		if err != nil {
			break
		}
	}
	var network net.Error
	if errors.Is(err, io.EOF) || errors.As(err, &network) {
		err = nil // The other side has measured long enough, or this one has.
	}
	return int64(float64(count*8) / time.Since(start).Seconds()), err
}

func meet(address, port string) (net.Conn, error) {
	if address != "" {
		return net.DialTimeout("tcp", net.JoinHostPort(address, port), connectPatience)
	}
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	if err := listener.(*net.TCPListener).SetDeadline(time.Now().Add(acceptPatience)); err != nil {
		return nil, err
	}
	return listener.Accept()
}

// Connect tells whether a TCP port accepts connections within the time.
func Connect(address, port string, patience time.Duration) error {
	peer, err := net.DialTimeout("tcp", net.JoinHostPort(address, port), patience)
	if err != nil {
		return err
	}
	return peer.Close()
}

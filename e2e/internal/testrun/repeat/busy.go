package repeat

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// BusyCommand is the hidden command by which this program keeps one processor busy.
const BusyCommand = "busy"

// Spin keeps one processor busy until its input ends, which it does with the program that holds the other end, however
// that ends.
func Spin(input io.Reader) {
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, bufio.NewReader(input)) // an error is an end too
		close(ended)
	}()
	for {
		select {
		case <-ended:
			return
		default:
			for range 1 << 16 {
			}
		}
	}
}

// startBusy starts children that keep processors busy, and returns what ends them.
func startBusy(ctx context.Context, count int) (end func() error, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start a busy loop: %w", err)
	}
	var ends []func() error
	end = func() error {
		var failed error
		for _, one := range ends {
			failed = errors.Join(failed, one())
		}
		return failed
	}
	for range count {
		child := exec.CommandContext(ctx, program, BusyCommand)
		input, err := child.StdinPipe()
		if err == nil {
			err = child.Start()
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start a busy loop: %w", err), end())
		}
		ends = append(ends, func() error {
			closed := input.Close()
			if err := errors.Join(closed, child.Wait()); err != nil && ctx.Err() == nil {
				return fmt.Errorf("end a busy loop: %w", err)
			}
			return nil
		})
	}
	return end, nil
}

package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Kill ends the process and waits until it is gone. If it is the init of a PID namespace, all processes of that
// namespace are gone before it is. A process that does not run any more is no error.
func (id ID) Kill(ctx context.Context) error {
	handle, err := unix.PidfdOpen(id.PID, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open process %d: %w", id.PID, err)
	}
	defer unix.Close(handle)
	// The handle stays with one process, so the comparison cannot be out of date when the signal is sent.
	if !id.Alive() {
		return nil
	}
	if err := unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill process %d: %w", id.PID, err)
	}
	for {
		poll := []unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}
		ready, err := unix.Poll(poll, int((200 * time.Millisecond).Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for process %d: %w", id.PID, err)
		}
		if ready > 0 {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("wait for process %d to end: %w", id.PID, ctx.Err())
		}
	}
}

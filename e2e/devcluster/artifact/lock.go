package artifact

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lockFile takes the recipe's lock among processes. It says so when it has to wait for another process.
func (s *Store) lockFile(ctx context.Context, home, name string) (release func(), err error) {
	file, err := os.OpenFile(filepath.Join(home, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	take := func() error { return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
	release = func() { file.Close() }
	if err = take(); err == nil {
		return release, nil
	}
	step := s.report.Step("wait for another process that builds %s", name)
	defer func() { step.Done(err) }()
	// flock has no wait that a context can end, so the lock is tried at intervals.
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		select {
		case <-ctx.Done():
			file.Close()
			return nil, ctx.Err()
		case <-ticker.C:
			err = take()
		}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return release, nil
}

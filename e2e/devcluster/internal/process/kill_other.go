//go:build !linux

package process

import (
	"context"
	"errors"
)

// Kill does not exist here: there is no cluster either. The tests that name it are compiled all the same.
func (ID) Kill(context.Context) error {
	return errors.New("processes of a dev cluster run on Linux only")
}

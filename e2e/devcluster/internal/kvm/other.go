//go:build !linux || !amd64

package kvm

import (
	"fmt"
	"runtime"
)

// Check always fails: the test is a program for one kind of processor.
func Check() error {
	return fmt.Errorf("there is no test of /dev/kvm for %s/%s", runtime.GOOS, runtime.GOARCH)
}

// Package host says whether this machine can run the dev cluster, and what it can do.
package host

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/novasphere/wukong/e2e/devcluster/debian"
	"github.com/novasphere/wukong/e2e/devcluster/internal/kvm"
)

// Packages are what the core of the cluster needs from Debian.
func Packages() []debian.Package {
	return []debian.Package{
		{Name: "nftables", Reason: "kube-proxy and the network plugins write their rules with it"},
		{Name: "libseccomp2", Reason: "runc is linked against it"},
		{Name: "util-linux", Reason: "nsenter runs commands in nodes"},
		{Name: "mount", Reason: "kubelet mounts volumes with it"},
		{Name: "e2fsprogs", Reason: "file systems of volumes are made with it"},
	}
}

// ErrUnsupported is returned by Check; its text says what to do instead.
var ErrUnsupported = errors.New("the dev cluster runs as root on Linux; elsewhere install the chart on a cluster of " +
	"your own: helm install wukong-crds charts/wukong-crds && helm install wukong charts/wukong")

// Check returns an error that says why the cluster cannot run here, if so.
func Check() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("this is %s: %w", runtime.GOOS, ErrUnsupported)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("this user is not root: %w", ErrUnsupported)
	}
	return nil
}

// HasKVM is true when virtual machines of any kind can run on /dev/kvm: the processor virtualises, and a guest runs at
// its speed. Where only the device exists, the guests' kernels would have to know (as with PVM).
func HasKVM() bool {
	info, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && virtualises(string(info)) && kvm.Check() == nil
}

func virtualises(cpuinfo string) bool {
	for line := range strings.Lines(cpuinfo) {
		name, flags, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) != "flags" {
			continue
		}
		for flag := range strings.FieldsSeq(flags) {
			if flag == "vmx" || flag == "svm" {
				return true
			}
		}
	}
	return false
}

package main

import (
	"strings"
	"testing"

	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/components"
)

// TestWiden runs on KubeVirt's real schemas, so that a new version that needs no widening, or another one, is noticed.
func TestWiden(t *testing.T) {
	const kind = "virtualmachineinstance"
	before := components.CRDsValidation[kind]
	if err := widen(components.CRDsValidation); err != nil {
		t.Fatal(err)
	}
	after := components.CRDsValidation[kind]
	// The volume's, the kernel's and the initrd's checksum, and the address of the virtual socket.
	const fields = 4
	if lost := strings.Count(before, "format: int32") - strings.Count(after, "format: int32"); lost != fields {
		t.Errorf("%d fields were widened, want %d", lost, fields)
	}
}

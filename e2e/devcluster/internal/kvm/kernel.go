//go:build linux && amd64

package kvm

// Requests and structures of the kernel's interface, from linux/kvm.h and asm/kvm.h.
const (
	createMachine       = 0xae01
	getStateSize        = 0xae04
	createProcessor     = 0xae41
	setMemoryRegion     = 0x4020ae46
	runProcessor        = 0xae80
	setGeneralRegisters = 0x4090ae82
	getSpecialRegisters = 0x8138ae83
	setSpecialRegisters = 0x4138ae84

	// struct kvm_regs: sixteen general registers, then rip and rflags.
	generalRegistersSize = 144
	offsetInstruction    = 16 * 8
	offsetFlags          = 17 * 8
	flagsAlwaysSet       = 2

	// struct kvm_sregs begins with the code segment: base, limit, selector.
	specialRegistersSize = 312
	offsetCodeBase       = 0
	offsetCodeSelector   = 12

	// struct kvm_run.
	offsetExitReason = 8
	exitHalt         = 5

	guestAddress = 0x1000
)

// memoryRegion is struct kvm_userspace_memory_region.
type memoryRegion struct {
	Slot, Flags  uint32
	GuestAddress uint64
	Size         uint64
	HostAddress  uint64
}

//go:build linux && amd64

package kvm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	device = "/dev/kvm"

	// rounds is how often the guest's loop runs. A processor needs some milliseconds for it, an interpreter a second.
	rounds = 4_000_000
	// natively is what a processor takes at the very most, on a busy machine.
	natively = 500 * time.Millisecond
	// patience is for a device that does not answer at all.
	patience = 5 * time.Second
)

// Check returns nil if /dev/kvm runs a program at the speed of the processor, else an error that says what is wrong.
func Check() error {
	result := make(chan error, 1)
	var took time.Duration
	go func() {
		var err error
		took, err = run()
		result <- err
	}()
	select {
	case err := <-result:
		if err != nil {
			return err
		}
		if took > natively {
			return fmt.Errorf("%s interprets its guests: %d rounds of a loop took %s", device, rounds,
				took.Round(time.Millisecond))
		}
		return nil
	case <-time.After(patience):
		// What hangs in the kernel cannot be called back; it ends with this process.
		return fmt.Errorf("%s does not come back from running a guest", device)
	}
}

// loop is the guest: 16-bit code that counts down from rounds and halts.
func loop() []byte {
	code := []byte{0x66, 0xb9}                            // mov ecx,
	code = binary.LittleEndian.AppendUint32(code, rounds) // rounds
	return append(code, 0x66, 0x49, 0x75, 0xfc, 0xf4)     // again: dec ecx; jnz again; hlt
}

// run makes a virtual machine with one page of memory and one processor, and runs loop in it.
func run() (time.Duration, error) {
	kvm, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer kvm.Close()
	machine, err := ioctl(kvm.Fd(), createMachine, 0)
	if err != nil {
		return 0, fmt.Errorf("%s: create a virtual machine: %w", device, err)
	}
	defer unix.Close(int(machine))
	memory, err := addMemory(machine)
	if err != nil {
		return 0, fmt.Errorf("%s: give memory to a virtual machine: %w", device, err)
	}
	defer func() { _ = unix.Munmap(memory) }()
	copy(memory, loop())
	processor, err := ioctl(machine, createProcessor, 0)
	if err != nil {
		return 0, fmt.Errorf("%s: create a virtual processor: %w", device, err)
	}
	defer unix.Close(int(processor))
	state, err := mapState(kvm.Fd(), processor)
	if err != nil {
		return 0, fmt.Errorf("%s: map the state of a virtual processor: %w", device, err)
	}
	defer func() { _ = unix.Munmap(state) }()
	if err := setRegisters(processor); err != nil {
		return 0, fmt.Errorf("%s: set registers: %w", device, err)
	}
	return runToHalt(processor, state)
}

// runToHalt runs the virtual processor until it halts.
func runToHalt(processor uintptr, state []byte) (time.Duration, error) {
	begin := time.Now()
	for {
		_, err := ioctl(processor, runProcessor, 0)
		if errors.Is(err, unix.EINTR) {
			continue // a signal, as Go's scheduler sends them
		}
		if err != nil {
			return 0, fmt.Errorf("%s: run a guest: %w", device, err)
		}
		reason := binary.LittleEndian.Uint32(state[offsetExitReason:])
		if reason != exitHalt {
			return 0, fmt.Errorf("%s: a guest that should halt stopped with reason %d", device, reason)
		}
		return time.Since(begin), nil
	}
}

func addMemory(machine uintptr) ([]byte, error) {
	memory, err := unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	region := memoryRegion{
		GuestAddress: guestAddress, Size: uint64(len(memory)), HostAddress: uint64(uintptr(unsafe.Pointer(&memory[0]))),
	}
	_, err = ioctl(machine, setMemoryRegion, uintptr(unsafe.Pointer(&region)))
	return memory, err
}

func mapState(kvm, processor uintptr) ([]byte, error) {
	size, err := ioctl(kvm, getStateSize, 0)
	if err != nil {
		return nil, err
	}
	return unix.Mmap(int(processor), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

// setRegisters lets the processor begin at guestAddress, in the 16-bit mode that it starts in.
func setRegisters(processor uintptr) error {
	var special [specialRegistersSize]byte
	if _, err := ioctl(processor, getSpecialRegisters, uintptr(unsafe.Pointer(&special[0]))); err != nil {
		return err
	}
	binary.LittleEndian.PutUint64(special[offsetCodeBase:], 0)
	binary.LittleEndian.PutUint16(special[offsetCodeSelector:], 0)
	if _, err := ioctl(processor, setSpecialRegisters, uintptr(unsafe.Pointer(&special[0]))); err != nil {
		return err
	}
	var general [generalRegistersSize]byte
	binary.LittleEndian.PutUint64(general[offsetInstruction:], guestAddress)
	binary.LittleEndian.PutUint64(general[offsetFlags:], flagsAlwaysSet)
	_, err := ioctl(processor, setGeneralRegisters, uintptr(unsafe.Pointer(&general[0])))
	return err
}

func ioctl(descriptor, request, argument uintptr) (uintptr, error) {
	result, _, number := unix.Syscall(unix.SYS_IOCTL, descriptor, request, argument)
	if number != 0 {
		return 0, number
	}
	return result, nil
}

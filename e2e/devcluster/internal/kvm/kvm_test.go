//go:build linux && amd64

package kvm

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

// TestKernelStructures compares our layout with what the ioctl numbers say: the size of the argument is in their bits
// 16 to 29.
func TestKernelStructures(t *testing.T) {
	size := func(request uintptr) uintptr { return request >> 16 & 0x3fff }
	assert.Equal(t, size(setMemoryRegion), unsafe.Sizeof(memoryRegion{}))
	assert.EqualValues(t, size(setGeneralRegisters), generalRegistersSize)
	assert.EqualValues(t, size(setSpecialRegisters), specialRegistersSize)
	assert.EqualValues(t, size(getSpecialRegisters), specialRegistersSize)
}

func TestLoop(t *testing.T) {
	code := loop()
	assert.EqualValues(t, rounds, binary.LittleEndian.Uint32(code[2:6]), "the operand of mov")
	back := int8(code[9])
	assert.Equal(t, byte(0x66), code[10+int(back)], "the jump goes back to the first byte of dec")
	assert.Equal(t, byte(0xf4), code[len(code)-1], "the last instruction halts")
}

// Package libnbd stands in for libguestfs.org/libnbd, the Go binding of a C library that CDI needs for one thing only:
// to import from VMware through the VDDK. It has the symbols that CDI uses. Create says that the VDDK is not built in,
// so such an import ends with that error; nothing else in CDI comes here.
package libnbd

// Flags of the NBD protocol, with the values of the C library.
const (
	// STATE_HOLE marks an extent without storage.
	STATE_HOLE = 1
	// STATE_ZERO marks an extent that reads as zeroes.
	STATE_ZERO = 2
	// CMD_FLAG_REQ_ONE asks for one extent only.
	CMD_FLAG_REQ_ONE CmdFlag = 1 << 3
)

// notBuiltIn is what every call answers.
const notBuiltIn = "VDDK is not built in"

// CmdFlag is a flag of one command.
type CmdFlag uint32

// LibnbdError is the error of every call.
type LibnbdError struct {
	// Op is the call.
	Op string
	// Errmsg says what went wrong.
	Errmsg string
}

// Error implements error.
func (e *LibnbdError) Error() string { return e.Op + ": " + e.Errmsg }

// ExtentCallback is called with the extents that BlockStatus finds.
type ExtentCallback func(metacontext string, offset uint64, entries []uint32, err *int) int

// PreadOptargs are the options of Pread.
type PreadOptargs struct {
	FlagsSet bool
	Flags    CmdFlag
}

// BlockStatusOptargs are the options of BlockStatus.
type BlockStatusOptargs struct {
	FlagsSet bool
	Flags    CmdFlag
}

// Libnbd is a handle; Create never returns one.
type Libnbd struct{}

// Create opens a handle. It always fails.
func Create() (*Libnbd, error) { return nil, refuse("nbd_create") }

// AddMetaContext asks for a metadata context.
func (*Libnbd) AddMetaContext(string) error { return refuse("nbd_add_meta_context") }

// ConnectUri connects to a server.
func (*Libnbd) ConnectUri(string) error { return refuse("nbd_connect_uri") }

// GetSize returns the size of the export.
func (*Libnbd) GetSize() (uint64, error) { return 0, refuse("nbd_get_size") }

// Pread reads from the export.
func (*Libnbd) Pread([]byte, uint64, *PreadOptargs) error { return refuse("nbd_pread") }

// BlockStatus lists the extents of a range.
func (*Libnbd) BlockStatus(uint64, uint64, ExtentCallback, *BlockStatusOptargs) error {
	return refuse("nbd_block_status")
}

// Close closes the handle.
func (*Libnbd) Close() *LibnbdError { return refuse("nbd_close") }

func refuse(operation string) *LibnbdError { return &LibnbdError{Op: operation, Errmsg: notBuiltIn} }

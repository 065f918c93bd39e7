package addresslock

import (
	"fmt"
	"strings"

	"github.com/novasphere/wukong/controllers/internal/addresspool"
)

// ExhaustedError reports that the pools of a network have no free address of a family.
type ExhaustedError struct {
	Network string
	// Pools of the family.
	Pools []addresspool.Pool
}

// Error implements error.
func (e *ExhaustedError) Error() string {
	subnets, total := make([]string, 0, len(e.Pools)), int64(0)
	for i := range e.Pools {
		subnets = append(subnets, e.Pools[i].Subnet.String())
		total += e.Pools[i].Total
	}
	return fmt.Sprintf("WukongNetwork %s: no free address in %s: %d of %d in use or reserved; widen the pool, or "+
		"delete a WukongVM",
		e.Network, strings.Join(subnets, ", "), total, total)
}

// InUseError reports that the address that an interface asks for is assigned to another.
type InUseError struct {
	Interface, Address string
	// MAC: the address is a hardware address.
	MAC bool
	// By describes who has it. An owner in another namespace is not named.
	By string
	// Lock is the name of the conflicting lock. It is empty when there is none: then no watch can report that the
	// address is free.
	Lock string
}

// Error implements error.
func (e *InUseError) Error() string {
	field := "address"
	if e.MAC {
		field = "macAddress"
	}
	return fmt.Sprintf("%s %s of interface %s is in use: %s; use another, or release it there", field,
		e.Address, e.Interface, e.By)
}

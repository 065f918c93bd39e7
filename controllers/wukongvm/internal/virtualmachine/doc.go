// Package virtualmachine assembles the VirtualMachine of a WukongVM: what the other parts decided about disks,
// interfaces, power and nodes, and what the spec says about CPU, memory and firmware. It decides nothing else, and
// writes nothing.
package virtualmachine

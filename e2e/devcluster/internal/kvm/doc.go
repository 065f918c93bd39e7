// Package kvm finds out whether /dev/kvm runs virtual machines on this machine.
//
// That the device exists and answers says little. In some virtual machines it interprets a guest's kernel, one
// instruction after the other: QEMU starts, libvirt lists KVM as a capability, and no guest ever boots. So a small
// program is run in a virtual processor and its time is taken.
package kvm

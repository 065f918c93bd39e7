// Package guestagent is what the tiny guest of the dev cluster has in place of cloud-init, udev and a network manager:
// one static program that a shell script starts early, and that stays.
//
// At its start it reads the disk with instance data (NoCloud or ConfigDrive) and gives the guest its name, users and
// files, configures each network interface, makes the names of disks, and runs the commands of user-data. Then it says
// that the guest has booted. From then on it does for devices that come and go what it did for those that were there,
// and keeps QEMU's guest agent running.
//
// What it understands of cloud-init is what tests of Wukong need; what it does not is reported on the serial console,
// not skipped in silence. What is done once for each instance, and what on every boot, is as cloud-init 25.1 does it
// with a NoCloud disk: names and network configuration come from the disk when the instance is new, and from what the
// guest remembers afterwards.
//
// Decisions (documents, names of disks, plans of interfaces) are pure, or read a tree of files that a test can make.
// The rest is in agent.go, links.go and machine.go, and is tested in a guest.
package guestagent

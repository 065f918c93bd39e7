package guestagent

import (
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// bootedFile is a pipe. Who waits for the guest's boot reads it.
	bootedFile = "/run/booted"

	agentPort       = "org.qemu.guest_agent.0"
	agentPortFolder = "/dev/virtio-ports"
	agentInterval   = time.Second
)

// Agent is what runs in the guest.
type Agent struct {
	links   links
	made    map[string]string // links below /dev
	records map[string]string // files of udev's database
}

// Run configures the guest, says that it has booted, and follows its devices. It returns when it can do so no longer.
func Run() error {
	agent := &Agent{made: map[string]string{}, records: map[string]string{}}
	// Events of devices that come from now on wait in the socket.
	socket, err := listenForEvents()
	if err != nil {
		return err
	}
	agent.boot()
	if err := os.WriteFile(bootedFile, nil, 0); err != nil {
		return err
	}
	go keepGuestAgent()
	return agent.follow(socket)
}

// boot does everything once. What is wrong is reported, and the rest is done.
func (a *Agent) boot() {
	report(a.nameDisks())
	found, err := loadInstance()
	report(err)
	report(found.apply())
	a.links.network = found.network
	report(a.links.start())
	a.wakeProcessors()
	if found.isNew {
		report(found.runCommands())
	}
}

func listenForEvents() (int, error) {
	socket, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return 0, fmt.Errorf("listen for devices: %w", err)
	}
	const kernelGroup = 1
	if err := unix.Bind(socket, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: kernelGroup}); err != nil {
		return 0, fmt.Errorf("listen for devices: %w", err)
	}
	return socket, nil
}

// follow handles events for ever. When there were too many of them, all devices are looked at.
func (a *Agent) follow(socket int) error {
	message := make([]byte, 16<<10)
	for {
		length, _, err := unix.Recvfrom(socket, message, 0)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ENOBUFS):
			a.lookAtAll()
		case err != nil:
			return fmt.Errorf("listen for devices: %w", err)
		default:
			a.handle(parseUevent(message[:length]))
		}
	}
}

func (a *Agent) lookAtAll() {
	logError(a.nameDisks())
	a.wakeProcessors()
	interfaces, _ := os.ReadDir("/sys/class/net")
	for _, one := range interfaces {
		logError(a.links.add(one.Name()))
	}
}

func (a *Agent) handle(event uevent) {
	switch event["SUBSYSTEM"] {
	case "block":
		logError(a.nameDisks())
		if event["DISK_EJECT_REQUEST"] != "" {
			logError(eject("/dev/" + event["DEVNAME"]))
		}
	case "cpu":
		a.wakeProcessors()
	case "net":
		switch event["ACTION"] {
		case "add":
			logError(a.links.add(event["INTERFACE"]))
		case "remove":
			a.links.remove(event["INTERFACE"])
		}
	}
}

func logError(err error) {
	if err != nil {
		log.Print(err)
	}
}

// eject opens a drive whose medium the host wants to change.
func eject(path string) error {
	drive, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("eject %s: %w", path, err)
	}
	defer unix.Close(drive)
	const cdromEject, cdromLockDoor = 0x5309, 0x5329 // linux/cdrom.h
	if err := unix.IoctlSetInt(drive, cdromLockDoor, 0); err != nil {
		return fmt.Errorf("unlock %s: %w", path, err)
	}
	if err := unix.IoctlSetInt(drive, cdromEject, 0); err != nil {
		return fmt.Errorf("eject %s: %w", path, err)
	}
	return nil
}

// nameDisks brings the links in /dev and udev's database in line with the disks.
func (a *Agent) nameDisks() error {
	devices := blockDevices("/sys")
	var err error
	a.made, err = update("/dev", a.made, deviceLinks(devices), func(path, target string) error {
		return os.Symlink(target, path)
	})
	records, recordErr := update("/run/udev/data", a.records, deviceRecords(devices), func(path, text string) error {
		return os.WriteFile(path, []byte(text), 0o644)
	})
	a.records = records
	return errors.Join(err, recordErr)
}

// update removes from a folder what is not wanted any more, and makes what is. It returns what is there then.
func update(
	folder string, have, want map[string]string, create func(path, content string) error,
) (map[string]string, error) {
	now := map[string]string{}
	var errs []error
	for name, content := range have {
		if want[name] == content {
			now[name] = content
		} else if err := os.Remove(filepath.Join(folder, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	for name, content := range want {
		if now[name] != "" {
			continue
		}
		path := filepath.Join(folder, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = create(path, content)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		now[name] = content
	}
	return now, errors.Join(errs...)
}

// wakeProcessors brings those online that were added.
func (a *Agent) wakeProcessors() {
	switches, _ := filepath.Glob("/sys/devices/system/cpu/cpu*/online")
	for _, path := range switches {
		if attribute(path) == "0" {
			writeKernel(path, "1")
		}
	}
}

// keepGuestAgent runs QEMU's guest agent when the machine has a port for it, and starts it again when it ends.
func keepGuestAgent() {
	link := filepath.Join(agentPortFolder, agentPort)
	for ; ; time.Sleep(agentInterval) {
		port := findPort("/sys", agentPort)
		if port == "" {
			continue
		}
		_ = os.Remove(link)
		if err := errors.Join(os.MkdirAll(agentPortFolder, 0o755), os.Symlink("../"+port, link)); err != nil {
			log.Print(err)
			continue
		}
		program := exec.Command("qemu-ga", "--method=virtio-serial", "--path="+link, "--statedir=/run",
			"--fsfreeze-hook=/etc/qemu/fsfreeze-hook")
		output, err := os.OpenFile("/run/qemu-ga.log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			log.Print(err)
			continue
		}
		program.Stdout, program.Stderr = output, output
		log.Printf("QEMU's guest agent ended: %v", errors.Join(program.Run(), output.Close()))
	}
}

// findPort is the name in /dev of a virtio port; empty if the machine has no such port.
func findPort(sys, name string) string {
	files, _ := filepath.Glob(filepath.Join(sys, "class/virtio-ports/*/name"))
	for _, file := range files {
		if attribute(file) == name {
			return filepath.Base(filepath.Dir(file))
		}
	}
	return ""
}

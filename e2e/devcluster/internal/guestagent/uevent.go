package guestagent

import "strings"

// uevent is what the kernel says of a device.
type uevent map[string]string

// parseUevent reads a message of the kernel: 'ACTION@DEVPATH' and then KEY=VALUE, each ended by a zero byte. It is nil
// for a message of udev.
func parseUevent(message []byte) uevent {
	parts := strings.Split(string(message), "\x00")
	if !strings.Contains(parts[0], "@") {
		return nil
	}
	event := uevent{}
	for _, part := range parts[1:] {
		if key, value, found := strings.Cut(part, "="); found {
			event[key] = value
		}
	}
	return event
}

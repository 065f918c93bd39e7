// Package process names processes in a way that survives the reuse of process ids: by id and start time.
package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ID tells one process from every other that runs or ran on this machine since it booted.
type ID struct {
	PID int `json:"pid"`
	// Started is field 22 of /proc/PID/stat: clock ticks from boot to the start of the process.
	Started uint64 `json:"started"`
}

// Find returns the ID of a running process.
func Find(pid int) (ID, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ID{}, err
	}
	started, err := parseStarted(string(data))
	if err != nil {
		return ID{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	return ID{PID: pid, Started: started}, nil
}

// parseStarted finds the start time behind the command name, which is in parentheses and may have spaces and
// parentheses itself.
func parseStarted(stat string) (uint64, error) {
	const startedAfterName = 20 // field 22 of the line; the name is field 2
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < startedAfterName {
		return 0, errors.New("too few fields")
	}
	return strconv.ParseUint(fields[startedAfterName-1], 10, 64)
}

// Alive is true while this very process runs. A zombie is not alive.
func (id ID) Alive() bool {
	if id.PID == 0 {
		return false
	}
	current, err := Find(id.PID)
	if err != nil || current != id {
		return false
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id.PID))
	if err != nil {
		return false
	}
	state := strings.TrimSpace(string(data)[strings.LastIndexByte(string(data), ')')+1:])
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}

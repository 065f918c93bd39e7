package timing

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// The kinds of event that are understood.
const (
	kindWait        = "wait"
	kindBoot        = "boot"
	kindCalibration = "calibration"
)

type event struct {
	Test    string  `json:"test"`
	Event   string  `json:"event"`
	Cause   string  `json:"cause"`
	Guest   string  `json:"guest"`
	Seconds float64 `json:"seconds"`
	Factor  float64 `json:"factor"`
}

// Spent is what one test waited for, in seconds by cause, and how many guests of which kind it booted. Waits of one
// test may overlap, when several of its goroutines or parallel subtests wait, so that they can add up to more than the
// test took.
type Spent struct {
	Waits map[string]float64
	Boots map[string]int
}

// Log is all that one suite wrote.
type Log struct {
	ByTest map[string]*Spent
	// Factor is the last calibration, or 0.
	Factor float64
	// Unknown are the lines that are none of the kinds above. They are kept for whoever reads the report.
	Unknown []json.RawMessage
}

// ReadFile reads a file of events. One that does not exist is a suite that wrote none.
func ReadFile(path string) (Log, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return Read(bytes.NewReader(nil))
	}
	if err != nil {
		return Log{}, fmt.Errorf("read the events of a suite: %w", err)
	}
	defer file.Close()
	return Read(file)
}

// Read reads events. A line that is no JSON is what a program wrote that was killed in the middle of it, and is kept as
// a string.
func Read(input io.Reader) (Log, error) {
	log := Log{ByTest: map[string]*Spent{}}
	scanner := bufio.NewScanner(input)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		line := bytes.TrimSpace(scanner.Bytes())
		if len(line) == 0 {
			continue
		}
		var one event
		if err := json.Unmarshal(line, &one); err != nil {
			quoted, err := json.Marshal(string(line))
			if err != nil {
				return Log{}, fmt.Errorf("keep a line of events: %w", err)
			}
			log.Unknown = append(log.Unknown, quoted)
			continue
		}
		log.add(one, line)
	}
	if err := scanner.Err(); err != nil {
		return Log{}, fmt.Errorf("read the events of a suite: %w", err)
	}
	return log, nil
}

func (l *Log) add(one event, line []byte) {
	switch one.Event {
	case kindWait:
		l.of(one.Test).Waits[one.Cause] += one.Seconds
	case kindBoot:
		l.of(one.Test).Boots[one.Guest]++
	case kindCalibration:
		l.Factor = one.Factor
	default:
		l.Unknown = append(l.Unknown, bytes.Clone(line))
	}
}

func (l *Log) of(test string) *Spent {
	if l.ByTest[test] == nil {
		l.ByTest[test] = &Spent{Waits: map[string]float64{}, Boots: map[string]int{}}
	}
	return l.ByTest[test]
}

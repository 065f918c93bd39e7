package calibration

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime"
	"sort"
	"sync"
	"time"
)

// referenceSeconds is what Measure takes on the reference machine with nothing else to do, two cores of a virtual
// machine (AMD EPYC, 2.1 GHz): the processor time of 'go test -run XXX -bench Work -benchtime 3x
// ./e2e/internal/calibration' for each round and core, the least of several runs, with Go 1.26 in November 2026. The
// time of the clock is the same when nothing else runs.
const referenceSeconds = 1.0

// rounds is how often each thread does the fixed piece of work.
const rounds = 80

// entries is the size of one piece of work.
const entries = 20000

// Result is what a measurement found.
type Result struct {
	// Seconds is how long the work took.
	Seconds float64 `json:"seconds"`
	// Factor is by how much longer that is than on the reference machine: at least 1, since a fast machine needs no
	// less patience.
	Factor float64 `json:"factor"`
}

// Measure does the same work on as many threads as there are processors. It takes about a second on the reference
// machine, and returns the context's error when that ends first.
func Measure(ctx context.Context) (Result, error) {
	start := time.Now()
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for round := range rounds {
				if ctx.Err() != nil {
					return
				}
				work(uint64(round))
			}
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return Result{}, fmt.Errorf("measure the speed of this machine: %w", err)
	}
	return resultOf(time.Since(start).Seconds()), nil
}

func resultOf(seconds float64) Result {
	return Result{Seconds: seconds, Factor: max(1, seconds/referenceSeconds)}
}

// work hashes numbers, keeps the digests in a map, sorts and encodes them, and returns the digest of all.
func work(seed uint64) [sha256.Size]byte {
	digests := make(map[string]uint64, entries)
	var number [16]byte
	for index := range uint64(entries) {
		binary.LittleEndian.PutUint64(number[:8], seed)
		binary.LittleEndian.PutUint64(number[8:], index)
		sum := sha256.Sum256(number[:])
		digests[hex.EncodeToString(sum[:8])] = index
	}
	names := make([]string, 0, len(digests))
	for name := range digests {
		names = append(names, name)
	}
	sort.Strings(names)
	encoded, err := json.Marshal(names)
	if err != nil {
		panic(err) // strings are always encoded
	}
	return sha256.Sum256(encoded)
}

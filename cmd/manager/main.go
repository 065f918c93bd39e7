// Command manager runs the controllers of Wukong.
package main

import (
	"os"
	"runtime/debug"

	ctrl "sigs.k8s.io/controller-runtime"
)

// collectEarly starts Go's garbage collector when garbage reaches half of the memory in use, unless GOGC is set.
// Nearly all memory in use is caches, which live long. The processor time for it is small compared with the API
// server's for the same requests.
const collectEarly = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectEarly)
	}
	if err := newCommand().ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		os.Exit(1)
	}
}

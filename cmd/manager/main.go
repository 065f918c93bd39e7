// Command manager runs the controllers of Wukong.
package main

import (
	"os"
	"runtime/debug"

	ctrl "sigs.k8s.io/controller-runtime"
)

// collectEarly lets Go's garbage collector run when half as much as is in use is garbage, unless GOGC says otherwise. Nearly all that is in use
// is caches, which live long; the processor time for it is small beside what the API server takes for the same requests.
const collectEarly = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectEarly)
	}
	if err := newCommand().ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		os.Exit(1)
	}
}

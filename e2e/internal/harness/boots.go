package harness

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// recordBoots records the guests that were started for tests since a moment, by the audit log: a guest boots when a
// VirtualMachineInstance is made, and not when one migrates.
func (c *Cluster) recordBoots(since time.Time) {
	requests, err := testbed.Here().Requests(since, "")
	if err != nil {
		fmt.Fprintf(os.Stderr, "count the guests: %s\n", err)
		return
	}
	for _, request := range requests {
		test, ours := c.tests.Load(request.Namespace)
		if ours && request.Verb == "create" && request.Resource == "virtualmachineinstances" &&
			request.Code == http.StatusCreated {
			record(event{Test: test.(string), Event: "boot"})
		}
	}
}

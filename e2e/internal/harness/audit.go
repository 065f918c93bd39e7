package harness

import (
	"strings"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// operatorUser is the prefix of the operator's service accounts in the audit log.
const operatorUser = "system:serviceaccount:" + OperatorNamespace + ":"

// OperatorWrites lists what the operator wrote since a moment, in one namespace or in all when it is empty. Its Lease
// and the event of a new leader are its heartbeat, and reviews write nothing.
func OperatorWrites(since time.Time, namespace string) ([]testbed.Request, error) {
	requests, err := testbed.Here().Requests(since, operatorUser)
	if err != nil {
		return nil, err
	}
	var writes []testbed.Request
	for _, request := range requests {
		if writesOfOperator(request) && (namespace == "" || namespace == request.Namespace) {
			writes = append(writes, request)
		}
	}
	return writes, nil
}

func writesOfOperator(request testbed.Request) bool {
	kind, _, _ := strings.Cut(request.Resource, "/")
	heartbeat := request.Namespace == OperatorNamespace && (kind == "leases" || kind == "events")
	return request.Writes() && !heartbeat && !strings.HasSuffix(kind, "reviews")
}

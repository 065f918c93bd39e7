package harness

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// operatorUser is the prefix of the operator's service accounts in the audit log.
const operatorUser = "system:serviceaccount:" + OperatorNamespace + ":"

type auditEvent struct {
	Verb  string `json:"verb"`
	Stage string `json:"stage"`
	User  struct {
		Username string `json:"username"`
	} `json:"user"`
	ObjectRef struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	Received time.Time `json:"requestReceivedTimestamp"`
}

// Write is a request of the operator that changes something, as the API server logged it.
type Write struct {
	Verb, Resource, Namespace, Name string
	Code                            int
}

// String is for messages.
func (w Write) String() string {
	return fmt.Sprintf("%s %s %s/%s: %d", w.Verb, w.Resource, w.Namespace, w.Name, w.Code)
}

// OperatorWrites lists what the operator wrote since a moment, in one namespace or in all when it is empty. Its Lease and the event of a new
// leader are its heartbeat, and reviews write nothing.
func OperatorWrites(since time.Time, namespace string) ([]Write, error) {
	path := filepath.Join(testbed.Checkout(), ".devcluster", "audit", "audit.log")
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	defer file.Close()
	var writes []Write
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		if !strings.Contains(lines.Text(), operatorUser) {
			continue
		}
		var event auditEvent
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			continue // the last line may be half written
		}
		if write, counts := event.write(); counts && event.Received.After(since) && (namespace == "" || namespace == write.Namespace) {
			writes = append(writes, write)
		}
	}
	return writes, lines.Err()
}

func (e *auditEvent) write() (Write, bool) {
	switch e.Verb {
	case "create", "update", "patch", "delete", "deletecollection":
	default:
		return Write{}, false
	}
	resource := e.ObjectRef.Resource
	if !strings.HasPrefix(e.User.Username, operatorUser) || e.Stage != "ResponseComplete" || strings.HasSuffix(resource, "reviews") {
		return Write{}, false
	}
	if e.ObjectRef.Namespace == OperatorNamespace && (resource == "leases" || resource == "events") {
		return Write{}, false
	}
	if e.ObjectRef.Subresource != "" {
		resource += "/" + e.ObjectRef.Subresource
	}
	return Write{Verb: e.Verb, Resource: resource, Namespace: e.ObjectRef.Namespace, Name: e.ObjectRef.Name, Code: e.ResponseStatus.Code}, true
}

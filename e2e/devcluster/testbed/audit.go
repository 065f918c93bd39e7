package testbed

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// longestRequest is how long a line of the audit log may be. It has no bodies.
const longestRequest = 4 << 20

// Request is one request that the API server has answered.
type Request struct {
	// User is who asked, such as system:serviceaccount:NAMESPACE:NAME.
	User string
	// Verb is get, list, watch, create, update, patch, delete or deletecollection.
	Verb string
	// Resource is the plural of the kind, with a slash and the subresource if one was asked for.
	Resource string
	// Namespace and Name are of the object; empty for what has none.
	Namespace, Name string
	// Code is the HTTP status of the answer.
	Code int
	// Received is when the request came.
	Received time.Time
}

// Writes says whether the request is one that changes something when it succeeds.
func (r Request) Writes() bool {
	switch r.Verb {
	case "create", "update", "patch", "delete", "deletecollection":
		return true
	}
	return false
}

// String is for messages.
func (r Request) String() string {
	return fmt.Sprintf("%s %s %s/%s: %d", r.Verb, r.Resource, r.Namespace, r.Name, r.Code)
}

// Requests lists the requests that came after a moment and were answered, of the users whose names begin with a text,
// in the order of the audit log. A request is in it when it has been answered, and maybe a moment later.
func (c Cluster) Requests(since time.Time, userPrefix string) ([]Request, error) {
	// The API server moves what it wrote before into files beside, named for their time, so that names sort by age, and
	// the current one comes last.
	files, err := filepath.Glob(filepath.Join(c.AuditFolder(), "audit-*.log"))
	if err != nil {
		return nil, fmt.Errorf("list the audit log: %w", err)
	}
	var requests []Request
	for _, path := range append(files, c.AuditLog()) {
		more, err := readRequests(path, since, userPrefix)
		if err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		requests = append(requests, more...)
	}
	return requests, nil
}

func readRequests(path string, since time.Time, userPrefix string) ([]Request, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.ModTime().Before(since) {
		return nil, err
	}
	var requests []Request
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, longestRequest)
	for lines.Scan() {
		if !strings.Contains(lines.Text(), userPrefix) {
			continue
		}
		var event auditEvent
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			continue // the last line may be half written
		}
		request := event.request()
		if event.Stage == "ResponseComplete" && request.Received.After(since) &&
			strings.HasPrefix(request.User, userPrefix) {
			requests = append(requests, request)
		}
	}
	return requests, lines.Err()
}

// auditEvent is what is read of an event of audit.k8s.io/v1.
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

func (e *auditEvent) request() Request {
	resource := e.ObjectRef.Resource
	if e.ObjectRef.Subresource != "" {
		resource += "/" + e.ObjectRef.Subresource
	}
	return Request{
		User: e.User.Username, Verb: e.Verb, Resource: resource, Namespace: e.ObjectRef.Namespace,
		Name: e.ObjectRef.Name,
		Code: e.ResponseStatus.Code, Received: e.Received,
	}
}

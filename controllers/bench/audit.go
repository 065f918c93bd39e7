package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// auditLog is the API server's audit log.
type auditLog struct {
	path string
}

// writeCount is the number of the manager's writes, by verb and resource.
type writeCount struct {
	counts    map[string]int
	conflicts int
}

func (c writeCount) total() int {
	total := 0
	for _, count := range c.counts {
		total += count
	}
	return total
}

// without returns the writes since earlier.
func (c writeCount) without(earlier writeCount) writeCount {
	since := writeCount{counts: map[string]int{}, conflicts: c.conflicts - earlier.conflicts}
	for write, count := range c.counts {
		if count > earlier.counts[write] {
			since.counts[write] = count - earlier.counts[write]
		}
	}
	return since
}

// event is the part of an audit event (audit.k8s.io/v1) that is read.
type event struct {
	Verb      string `json:"verb"`
	UserAgent string `json:"userAgent"`
	ObjectRef struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
}

// writes counts the manager's writes so far, without its leases. The audit policy omits reads.
func (a *auditLog) writes() (writeCount, error) {
	result := writeCount{counts: map[string]int{}}
	file, err := os.Open(a.path)
	if err != nil {
		return result, fmt.Errorf("open the audit log: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one event
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return result, fmt.Errorf("read the audit log: %w", err)
		}
		if !strings.HasPrefix(one.UserAgent, "wukong-manager/") || one.ObjectRef.Resource == "leases" {
			continue
		}
		resource := one.ObjectRef.Resource
		if one.ObjectRef.Subresource != "" {
			resource += "/" + one.ObjectRef.Subresource
		}
		result.counts[one.Verb+" "+resource]++
		if one.ResponseStatus.Code == http.StatusConflict {
			result.conflicts++
		}
	}
	return result, lines.Err()
}

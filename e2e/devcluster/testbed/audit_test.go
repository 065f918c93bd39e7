package testbed_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// line is an event as kube-apiserver writes it, shortened.
const line = `{"kind":"Event","stage":"STAGE","verb":"VERB","user":{"username":"USER"},` +
	`"objectRef":{"resource":"pods","subresource":"status",` +
	`"namespace":"shop","name":"NAME"},"responseStatus":{"code":200},` +
	`"requestReceivedTimestamp":"2026-01-01T00:00:SECONDZ"}` + "\n"

func event(stage, verb, user, name, second string) string {
	return strings.NewReplacer("STAGE", stage, "VERB", verb, "USER", user, "NAME", name, "SECOND", second).Replace(line)
}

func TestRequestsOfAUserSinceAMoment(t *testing.T) {
	bed := testbed.At(t.TempDir())
	require.NoError(t, os.MkdirAll(bed.AuditFolder(), 0o700))
	const user, complete = "system:serviceaccount:home:one", "ResponseComplete"
	older := event(complete, "patch", user, "rotated", "08.000000")
	require.NoError(t,
		os.WriteFile(filepath.Join(bed.AuditFolder(), "audit-2026-01-01T00-00-08.500.log"), []byte(older), 0o600))
	require.NoError(t, os.WriteFile(bed.AuditLog(), []byte(
		event(complete, "patch", user, "before", "01.000000")+
			event("RequestReceived", "patch", user, "unanswered", "09.000000")+
			event(complete, "patch", "system:node:node1", user, "09.000000")+
			event(complete, "get", user, "read", "09.000000")+
			event(complete, "delete", user, "deleted", "10.000000")+
			`{"verb":"patch","user":{"username":"`+user+`"},"half`), 0o600))
	requests, err := bed.Requests(time.Date(2026, 1, 1, 0, 0, 5, 0, time.UTC), "system:serviceaccount:home:")
	require.NoError(t, err)
	var told []string
	for _, request := range requests {
		told = append(told, request.String())
		assert.Equal(t, request.Verb != "get", request.Writes(), request.Verb)
	}
	assert.Equal(t, []string{"patch pods/status shop/rotated: 200", "get pods/status shop/read: 200",
		"delete pods/status shop/deleted: 200"}, told)
}

package conditions

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Fault D.5: messages of one fault that differ in parts between retries are one message.
func TestAMessageThatVariesWithEachTryIsOneMessage(t *testing.T) {
	for name, row := range map[string]struct {
		first, second string
		same          bool
	}{
		"equal":         {"404", "404", true},
		"another cause": {"404", "403", false},
		"connection": {
			`Patch "https://10.96.0.1:443/apis": read tcp 172.30.0.2:51234->10.96.0.1:443: connection reset by peer`,
			`Patch "https://10.96.0.1:443/apis": read tcp 172.30.0.2:51977->10.96.0.1:443: connection reset by peer`,
			true,
		},
		"connection, IPv6": {"read tcp [fd00::2]:51234->[fd00::1]:443: EOF",
			"read tcp [fd00::2]:44->[fd00::1]:443: EOF", true},
		"another server": {"read tcp 172.30.0.2:51234->10.96.0.1:443: EOF",
			"read tcp 172.30.0.2:51234->10.96.0.2:443: EOF", false},
		"request": {"UnauthorizedOperation, request id: 5a1c-22",
			"UnauthorizedOperation, request id: 77ff-03", true},
		"request, in quotes": {`status code: 403, RequestID: "4442587FB7D0A2F9"`,
			`status code: 403, RequestID: "BB42587FB7D0A2F0"`, true},
		"request to S3": {
			"NoSuchKey, status code: 404, request id: 4442587FB7D0A2F9, host id: p+Zq/4x=",
			"NoSuchKey, status code: 404, request id: BB42587FB7D0A2F0, host id: Wn//q2=", true,
		},
		"authorization of AWS": {"UnauthorizedOperation. Encoded authorization failure message: aGVsbG8=",
			"UnauthorizedOperation. Encoded authorization failure message: d29ybGQ=", true},
		"sandbox": {`no plugin for sandbox "0123456789abcdef0123456789abcdef"`,
			`no plugin for sandbox "f123456789abcdef0123456789abcdef"`, true},
		"time": {"full at 2026-11-01T10:00:00.123Z", "full at 2026-11-02T11:00:00.5Z", true},
		"another volume": {"pvc-0f1c9e9c-8f5e-4f3a-9a53-7a0d6f0c1a11 is lost",
			"pvc-1f1c9e9c-8f5e-4f3a-9a53-7a0d6f0c1a11 is lost", false},
		"another count": {"it is retried (restarts so far: 1)", "it is retried (restarts so far: 2)", false},
	} {
		before := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "Failed",
			Message: row.first, ObservedGeneration: 2}
		set := For(diskWith(2, before), clocktesting.NewFakePassiveClock(now))
		set.False(v1alpha1.ConditionReady, "Failed", row.second)
		expected := row.second
		if row.same {
			expected = row.first
		}
		assert.Equal(t, expected, set.Get(v1alpha1.ConditionReady).Message, name)

		set.False(v1alpha1.ConditionReady, "Other", row.second)
		assert.Equal(t, row.second, set.Get(v1alpha1.ConditionReady).Message, "%s: for another reason", name)
		set = For(diskWith(3, before), clocktesting.NewFakePassiveClock(now))
		set.False(v1alpha1.ConditionReady, "Failed", row.second)
		assert.Equal(t, row.second, set.Get(v1alpha1.ConditionReady).Message, "%s: of another generation", name)
	}
}

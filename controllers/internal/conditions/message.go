package conditions

import (
	"regexp"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// varying matches what differs between retries in the messages of others: the local end of a connection, the number of
// a cloud request, the digest of a sandbox, a time.
var varying = regexp.MustCompile(
	`[0-9a-zA-Z.:\[\]]+:[0-9]+->|` +
		`(?i:request.?id)["':= ]*[0-9a-zA-Z-]+|` +
		`(?i:host.?id)["':= ]*[0-9a-zA-Z+/=]+|` +
		`(?i:encoded authorization failure message): *\S+|` +
		`[0-9a-f]{32,}|` +
		`[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?`)

// steady returns the previous message if the new one differs only in varying parts. Otherwise each retry of a lasting
// fault would cost a write.
func steady(before *metav1.Condition, now metav1.Condition) string {
	same := before != nil && before.Status == now.Status && before.Reason == now.Reason &&
		before.ObservedGeneration == now.ObservedGeneration
	if same && before.Message != now.Message &&
		varying.ReplaceAllLiteralString(before.Message, "") == varying.ReplaceAllLiteralString(now.Message, "") {
		return before.Message
	}
	return now.Message
}

// Shorten cuts a message to at most limit bytes, never inside a character.
func Shorten(message string, limit int) string {
	if len(message) <= limit {
		return message
	}
	cut := message[:limit-len("...")]
	for !utf8.ValidString(cut) {
		cut = cut[:len(cut)-1]
	}
	return cut + "..."
}

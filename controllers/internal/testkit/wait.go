package testkit

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"
)

// Eventually retries until all assertions on an attempt hold. When its patience runs out, it reports which did not
// hold in the last attempt, and what that one read.
func (f *Fixture) Eventually(look func(now *Attempt), message ...any) {
	f.Helper()
	began := time.Now()
	for {
		f.seen.forget()
		now := &Attempt{}
		if now.make(look) {
			return
		}
		if time.Since(began) > scaled(f.patience) {
			require.Failf(f, "what was waited for did not come", "%s%s\n%s\nThe last attempt saw:\n%s",
				words(message), f.lasted(), now, f.seen)
		}
		time.Sleep(interval)
	}
}

// Until is Eventually for a function that returns a bool.
func (f *Fixture) Until(holds func() bool, message ...any) {
	f.Helper()
	f.Eventually(func(now *Attempt) {
		if !holds() {
			now.Errorf("the condition does not hold")
		}
	}, message...)
}

// Never checks for some time that something does not hold.
func (f *Fixture) Never(holds func() bool, period time.Duration, message ...any) {
	f.Helper()
	for began := time.Now(); time.Since(began) < scaled(period); time.Sleep(interval) {
		f.seen.forget()
		if holds() {
			require.Failf(f, "it holds, which it never should", "%safter %s\nIt saw:\n%s",
				words(message), time.Since(began).Round(time.Millisecond), f.seen)
		}
	}
}

// lasted describes how long the wait was, and its factor.
func (f *Fixture) lasted() string {
	by, _ := factor()
	return fmt.Sprintf("It was waited for %s (%s, %s=%g)", scaled(f.patience), f.patience, PatienceVariable, by)
}

// words returns a message with its arguments, as testify takes them.
func words(message []any) string {
	switch len(message) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%v\n", message[0])
	default:
		return fmt.Sprintf(message[0].(string)+"\n", message[1:]...)
	}
}

// Package repeat runs some tests of a suite again and again on the cluster that runs, if wanted beside programs that
// keep processors busy, and says how often they passed and how long they took. It is for a test that fails now and
// then.
package repeat

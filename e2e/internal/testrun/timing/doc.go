// Package timing reads what the harness of the end-to-end suites writes while they run, a JSON object a line: what a
// test waited for and how long, and which guests it booted.
package timing

// Package docs has the documents for people, and tests that keep their promises: that no reason, link or make target in
// them is wrong.
package docs

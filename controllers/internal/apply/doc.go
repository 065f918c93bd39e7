// Package apply writes what a controller owns: children by server-side apply, its own metadata, and status.
//
// A write is skipped when the cached object already has the desired state, so that a settled object costs no request.
// The client must read its own writes (client.CacheOptions.EnableReadYourWritesConsistency): otherwise a pass soon
// after a write would repeat it.
package apply

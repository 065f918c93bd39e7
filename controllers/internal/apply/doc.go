// Package apply writes what a controller owns: children by server-side apply, its own metadata, and status.
//
// Every write is skipped when the cached object already carries the wanted state, so that a settled object costs no
// request. The client must read its own writes (client.CacheOptions.EnableReadYourWritesConsistency), or a pass that
// follows a write too soon would repeat it.
package apply

// Package pass runs one reconciliation of an object as a list of named steps.
//
// A step is a write, or a few that belong together. The list says which earlier steps each one needs:
//
//	var steps = pass.New("wukongvm",
//		pass.Do("cloud-init", (*Reconciler).applyCloudInit),
//		pass.Do("machine", (*Reconciler).applyMachine, "cloud-init"),
//		pass.Do("services", (*Reconciler).applyServices),
//	)
//
// The rules are the same for every controller:
//
//   - A step that fails stops only the steps that need it.
//   - A refusal (apply.Permanent) becomes a condition and is retried after RefusedRetry: no watch reports that its
//     cause is resolved.
//   - Any other error is retried with backoff, and the status is not written: it would report this generation as
//     observed although not all of it is done, and others act on that. Once the error has lasted, Ready alone reports
//     it (package lasting).
//
// Each step has a duration in the histogram wukong_step_duration_seconds and a log line at level 1.
package pass

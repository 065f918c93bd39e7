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
//   - A step that fails stops only the steps that need it. It is skipped by those, and by no others.
//   - A refusal (apply.Permanent) becomes a condition and is retried after RefusedRetry, because no watch reports that its cause is gone.
//   - Any other error is retried with backoff. For a moment the object keeps its status; once the error has lasted (see package lasting), Ready
//     reports it, and the rest of the status is what is known.
//
// Each step has a duration in the histogram wukong_step_duration_seconds and a log line at level 1.
package pass

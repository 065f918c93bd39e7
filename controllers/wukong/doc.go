// Package wukong reconciles Wukong, the umbrella of an application: it aggregates the status of the objects that
// belong to it, and writes nothing but its own status.
//
// An object belongs to a Wukong when it has an owner reference to it, which the object's own reconciler sets. So when
// the Wukong is deleted, the garbage collector deletes its children, and there is no finalizer here.
//
//	Pending --> Creating --> Starting --> Running <--> Migrating, Paused, Stopping, Stopped
//	   any --> Error, while a child is in error
//	   any --deleted--> Terminating
//
// The phase is that of the WukongVMs, unless a disk or network is in error or still being created; see aggregatePhase.
//
// Snapshots and exports are operations: they are counted and listed with their cause, but Ready, the phase and the
// summary are those of the parts that they operate on. Neither a nightly backup nor an expired link makes an
// application unready.
//
// Ready is True when every part is ready. Otherwise its message is that of one part, the cause: see model.Deepest.
// Without parts it is Unknown, reason NoChildren: 'kubectl wait --for=condition=Ready' right after an apply must not
// succeed for an application whose objects are not linked yet. Tools that apply in waves, such as Argo CD, must treat
// the reason NoChildren as healthy, or the wave with the children would never come.
//
// A change of a child starts a pass after a short delay, in which the changes of all children gather: see urgency. So
// the many changes of a first apply cost one write, and the umbrella of a large application at most one write per
// delay.
package wukong

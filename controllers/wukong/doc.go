// Package wukong reconciles Wukong, the umbrella of an application: it aggregates the status of the objects that belong to it, and
// writes nothing but its own status.
//
// An object belongs to a Wukong when it carries an owner reference to it, which the object's own reconciler sets; so deleting the
// Wukong lets the garbage collector delete its children, and there is no finalizer here.
//
//	Pending --> Creating --> Starting --> Running <--> Migrating, Paused, Stopping, Stopped
//	   any --> Error, while a child is in error
//	   any --deleted--> Terminating
//
// The phase is that of the machines, unless a disk or network is in error or still being made; see aggregatePhase.
//
// Snapshots and exports are operations: they are counted and listed with their cause, but Ready, the phase and the summary are those of the parts
// that they are done to. A nightly backup must not make an application unready, nor a link that has expired.
//
// Ready is True when every part is ready. Otherwise its message is that of one part, the cause: see worst. With no parts it is
// Unknown, reason NoChildren: there is nothing to judge, and 'kubectl wait --for=condition=Ready' right after an apply must not
// be told that an application is ready whose objects are not linked yet. Tools that apply in waves, such as Argo CD, must take the
// reason NoChildren as healthy, or the wave with the children would never come.
//
// A change of a child does not start a pass at once but after a moment, in which the changes of all children gather: see urgency.
// So the bustle of a first apply costs one write, and the umbrella of a large application at most one write in each moment.
package wukong

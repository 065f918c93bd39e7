// Package diskrestore is the WukongDisk's half of a restore from a snapshot. It decides the next step from what exists
// and what the WukongVM asks for, and writes nothing. The other half is package restore of controllers/wukongvm.
//
// The WukongVM leads: each step of the disk follows from the phase in status.restore of the WukongVM that the disk is
// attached to.
//
//	            Filling             the bytes are there       Switching              Succeeded
//	(no target) -------> Filling -----------------------> Filled -----------> InUse -----------> Done
//	                        |                               |                   |
//	                        | cannot be filled, or lost     | other phases      | RollingBack
//	                        v                               v                   v
//	                     Failed                    the target is deleted     Returned: the target is deleted
//
// The switch is one write: the target is marked as in use, and as keeping the claim that it replaces. So is the way
// back. Until the WukongVM reports the end, the claim that was replaced is kept. What became of a request is read from
// the DataVolumes alone (package copies); status only repeats it.
//
// A WukongVM whose status was lost asks for nothing. Nothing is deleted before it has read the status of its disks and
// knows again what it does: until then only its annotation shows that the request is not over (Pending).
package diskrestore

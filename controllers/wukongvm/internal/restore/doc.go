// Package restore is the WukongVM's half of a restore from a snapshot: it leads the disks through the phases in
// status.restore, stops and starts the guest, and puts the previous disks back when the guest does not start. It
// decides, and writes nothing. The other half is package protocol/diskrestore.
//
//	          due, no obstacle        all filled                  stopped              taken, or skipped
//	Pending -----------------> Filling ---------> Stopping ---------------> Safety ---------------------> Switching
//	   |                          |                  |                        |                               |
//	   | its time                 | cannot be filled, or request removed      | fails                         | in use
//	   v                          v                  v                        v                               v
//	Skipped                    Failed, Cancelled: the targets are deleted, the guest runs on               Starting
//	                                                                                                     |    |   |
//	                                     Succeeded <-- the guest runs, or its agent answers --------------'    |   |
//	                                     Switched <-- powerState is Stopped: Starting again later -------------'   |
//	                                     RolledBack <-- all returned -- RollingBack <-- deadline, a claim lost ----'
//
// A request is carried out once (package internal/request). Its mark on the WukongVM is written before the first claim
// is made, and is marked as ended before status reports the end. When status is lost, the mark and the status of the
// disks show how far the restore came.
//
// From Switching on, the restore goes on to its end, whatever becomes of spec.restore: some disks may be replaced and
// others not.
package restore

// Package operation is what the kinds share whose work is done once: WukongSnapshot, WukongExport, WukongBackup,
// WukongClone and WukongMigration.
//
// A pass computes a State from what it observed. The status of the object follows from it:
//
//	Pending --the first object that carries it out exists--> InProgress --> Succeeded
//	                                                              \-------> Failed
//
// An operation is finished when status.completionTime is set. It is not begun again, whatever happens to the objects
// that it was about; a user creates another one. What a finished operation still needs to do is to delete what it does
// not need any more, and itself when ttlSecondsAfterFinished is over (Retire).
package operation

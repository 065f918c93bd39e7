// Package wukongmigration reconciles WukongMigration: it moves the guest of a WukongVM to another node, once.
//
//	Pending --possible, its turn--> InProgress --> Succeeded
//	   |  \                          |  ^   |  \--cancel--> Cancelled
//	   |   \--cancel--> Cancelled    |  |   \--last attempt failed--> Failed
//	   |--handled before--> Skipped  v  | wait, twice as long each time
//	   \--deadline--> Failed      attempt failed
//
// Each attempt is a VirtualMachineInstanceMigration of KubeVirt. Its name follows from the WukongMigration and the
// number of the attempt, so a manager that was killed finds what it created. Migrations that KubeVirt creates itself,
// for a drain or a change of the guest, are KubeVirt's.
//
// # Once
//
// Before the first attempt the WukongVM gets the annotation migration-request, which names the request and this object
// (package request). A WukongMigration that is deleted and applied again is another object, and skips what was handled.
//
// # What is lost
//
// KubeVirt keeps the last five VirtualMachineInstanceMigrations of a guest that ended, and deletes older ones. So the
// end of an attempt is written to status at once. When the end was not seen, the instance's own record of its last
// migration decides, and after it the node that the guest runs on. Otherwise the outcome is unknown, and nothing is
// retried.
//
// Writes from creation to Succeeded: the annotation, the VirtualMachineInstanceMigration, and four patches of status.
package wukongmigration

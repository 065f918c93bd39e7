// Package quiesce decides when the guest agent freezes and thaws the file systems of a running guest, and proves
// whether they were frozen while the disks were cut. It reads and writes nothing.
//
//	(none) --freeze is called--> Freezing --the call returned--> Frozen --all are cut--> Thawing --thawed--> Thawed
//	                                |                              |                        ^                  |
//	                                | error, or the manager ended  | the time is over, the  |                  |
//	                                |                              | guest moved or ended,  |                  |
//	                                |                              | a cut failed           |                  |
//	                                +------------------------------+------------------------+                  |
//	                                ^                                                                          |
//	                                +-- not proven, and required: the cuts are deleted, and it is tried again -+
//
// Each step is written to status before the call that it stands for, so that a manager that starts knows what the last
// one may have done.
//
// # Facts about KubeVirt
//
// The guest thaws itself after the timeout that the freeze call carries: virt-launcher starts a timer when the agent
// has frozen (pkg/virt-launcher/virtwrap/manager.go, FreezeVMI). A freeze call that virt-handler gives up on, after 20
// seconds in v1.7.0 and 60 from v1.7.2 (pkg/virt-handler/cmd-client/client.go), may still come about in the guest. A
// thaw of a guest that is not frozen succeeds. On Windows, VSS thaws after 10 seconds, and a later thaw fails
// (kubevirt#16653). The timer does not move along with a migration.
package quiesce

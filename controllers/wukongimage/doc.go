// Package wukongimage reconciles WukongImage: a golden image, as the versions that were imported of it, and one CDI
// DataSource with the image's name that points to the newest complete version.
//
// Who imports depends on the source, because CDI's DataImportCron supports registries only
// (pkg/apiserver/webhooks/dataimportcron-validate.go):
//
//	registry with a schedule    a DataImportCron: CDI's poller, a CronJob in CDI's namespace, compares digests,
//	                            CDI imports new ones, and deletes old ones
//	http with a schedule        one DataVolume of our own at each tick, named by the tick; those beyond versionsToKeep
//	                            are deleted
//	no schedule                 one DataVolume of our own
//
// Wukong manages the DataSource in every case. CDI ignores a DataSource without the label of the DataImportCron that
// names it (getDataSource in pkg/controller/dataimportcron-controller.go), so the DataSource must exist before the
// DataImportCron.
//
// The phases of an image, computed from scratch in each pass:
//
//	Pending --> Importing --> Ready <--> Ready, and UpToDate=False while the next version is imported
//	   |            |
//	   |            | the importer's own error (CDI retries: back to Importing)
//	   +--> Error <-+
//	   CDI missing; name taken; schedule invalid
//
//	any --deleted--> Terminating: the finalizer is needed because
//	     Delete   nothing owns the imports of a DataImportCron, and CDI's own retention cannot change: they are
//	              deleted by label
//	     Retain   a policy that changed just before the deletion is applied: our complete DataVolumes stay, without
//	              owner references
//
// The spec of a DataImportCron cannot change. When schedule or versionsToKeep changes, it is deleted and created
// again; its imports stay, and are found by their label.
package wukongimage

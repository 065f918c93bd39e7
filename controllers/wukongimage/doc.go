// Package wukongimage reconciles WukongImage: a golden image, as the versions that were imported of it, and one CDI DataSource of the
// image's name that points to the newest complete one.
//
// Who imports depends on the source, because CDI's DataImportCron knows registries only (pkg/apiserver/webhooks/dataimportcron-validate.go):
//
//	registry with a schedule    a DataImportCron: CDI's poller, a CronJob in CDI's namespace, compares digests, CDI imports what is
//	                            new, and deletes what is too old
//	http with a schedule        one DataVolume of ours at each tick, named by the tick; those beyond versionsToKeep are deleted
//	no schedule                 one DataVolume of ours
//
// The DataSource is ours in every case. CDI leaves a DataSource alone that does not carry the label of the DataImportCron which names it
// (getDataSource in pkg/controller/dataimportcron-controller.go), so that the DataSource has to exist before the DataImportCron.
//
// The phases of an image, all of them derived anew in each pass from what exists:
//
//	Pending --> Importing --> Ready <--> Ready, and UpToDate=False while the next version is imported
//	   |            |
//	   |            | the importer's own error (CDI tries again: back to Importing)
//	   +--> Error <-+
//	   CDI missing; name taken; schedule wrong
//
//	any --deleted--> Terminating: the finalizer is needed because
//	     Delete   nothing owns the imports of a DataImportCron, and CDI's own retention cannot change later: they are deleted by label
//	     Retain   a policy that changed just before the end is carried out: our complete DataVolumes stay, and carry no owner reference
//
// The specification of a DataImportCron cannot change. When schedule or versionsToKeep does, it is deleted and made again; its imports stay,
// and are taken over by their label.
package wukongimage

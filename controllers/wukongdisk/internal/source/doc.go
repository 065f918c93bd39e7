// Package source decides what a disk is filled from: the origin that it is a clone of, and the DataVolume that CDI
// fills it by. It reads origins, and writes nothing.
//
// An origin is another disk or claim, a snapshot, or an image (model.OriginOf). It is read until the DataVolume exists.
// A clone on a class that binds at first use may wait for months, and its origin may be deleted meanwhile: an image,
// for example, keeps only a few versions. The clone is severed then. CDI waits for the deleted claim for ever, and no
// event or condition of the DataVolume reports it. Nothing was copied yet, so the DataVolume is created again from the
// claim or snapshot that the origin has by now.
package source

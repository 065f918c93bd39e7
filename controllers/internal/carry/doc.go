// Package carry makes the WukongVM that a clone creates, or that a backup restores, from the manifest of its source. It
// reads and writes nothing.
//
// A clone is one WukongVM. Each disk that is copied is a template of it, also where the source refers to an existing
// WukongDisk by diskRef. A WukongDisk beside the WukongVM would be a second object, made by a second write, with its
// own question of who deletes it; the name of the disk is the same in both cases. So a clone either exists completely
// or not at all, and is deleted with the WukongVM.
package carry

// Package image makes container images without a container engine.
//
// An archive is an OCI image layout in a tar file, with the manifest.json that `docker load` reads beside it:
// containerd (ctr images import), Docker, Podman and skopeo all take it. Archives are reproducible: the same files give
// the same bytes, since timestamps are fixed, owners numeric and entries sorted. Layers are not compressed unless
// asked: an import into a containerd on the same machine is faster without.
//
// The package knows nothing of the dev cluster: it makes images of binaries, of files, of a root file system, for the
// architecture of this machine. All functions return an error that names the archive, and leave no half of an archive
// behind.
package image

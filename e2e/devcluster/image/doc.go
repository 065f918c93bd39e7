// Package image makes container images without a container engine.
//
// An archive is an OCI image layout in a tar file, with the manifest.json that `docker load` reads beside it: containerd
// (ctr images import), Docker, Podman and skopeo all take it. Archives are reproducible: the same files give the same bytes,
// since timestamps are fixed, owners numeric and entries sorted. Layers are not compressed unless asked: an import into a
// containerd on the same machine is faster without.
package image

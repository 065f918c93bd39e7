// Package disks is the end-to-end suite of disks: where their bytes come from, how they grow, move and leave, with the bytes checked. It runs
// on the dev cluster with real storage, KubeVirt and CDI, a real S3 server and a real registry: 'make e2e SUITE=disks'.
package disks

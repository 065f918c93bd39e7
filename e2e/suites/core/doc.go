// Package core is the end-to-end suite of the main job: one manifest, one machine that boots; power; deletion; causes
// in plain words; no write at rest; a manager that is killed at any moment. It runs on the dev cluster with real
// KubeVirt, CDI and Multus, and with real guests: 'make e2e SUITE=core'.
package core

// Package cluster starts, repairs and ends the dev cluster.
//
// Everything that belongs to a running cluster is in one folder, <repository>/.devcluster:
//
//	state.json     what runs: addresses, process ids, what was changed on the host
//	kubeconfig     the administrator's access, for people and tests
//	audit/         the API server's audit log, one JSON object per request
//	logs/          a file per program
//	pki/           certificates and keys
//	nodes/NAME/    what the node wrote over the host's files, its containerd and kubelet
//	shared/        a folder that every node sees
//	pool.img       the file system of volumes, see package pooldisk; each node mounts it over shared/volumes, where
//	               the host sees an empty folder
//
// Up brings the cluster from whatever state it is in to the wanted one: it starts what does not run and leaves alone
// what does. Down ends every process of it, then removes the link, the cgroups and the folder. Both can be interrupted
// and run again: the state is written after each thing that is made, and each thing is made so that it ends by itself
// if the state was not written.
package cluster

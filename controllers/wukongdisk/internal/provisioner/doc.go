// Package provisioner describes what a StorageClass and its provisioner do for the claim of a disk: whether the class
// exists, and why a claim gets no volume. It writes nothing.
package provisioner

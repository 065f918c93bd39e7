// Package imagestore keeps the images of a cluster's nodes as containerd has them: imported and unpacked.
//
// To import and to unpack is the same work for each node and for each start, so it is done once. A containerd that
// nobody else uses makes the folder in the cache; each node begins with what is in it. There is nothing of a cluster in
// it: no container, no name, no address.
//
// A node gets links to the files, not copies, for containerd never changes one in place. A blob is named by what is in
// it. The file system of an image is the lower layer of an overlay, which copies a file before it lets anyone write.
// Only containerd's two databases are written to, and are copied.
package imagestore

package testbed

import (
	"os"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/internal/checkout"
)

// FolderName is the name of the folder in the checkout in which the dev cluster keeps what it has.
const FolderName = ".devcluster"

// programName is the program that starts a cluster, as the Makefile builds it into bin.
const programName = "devcluster"

// Checkout is the folder of the project that the working folder is in, with the charts and, in bin, the programs of the
// Makefile. It is empty when the working folder is in none.
func Checkout() string { return checkout.Root() }

// Cluster is a dev cluster by the folder in which it keeps what it has. It may run or not.
type Cluster struct{ folder string }

// Here is the cluster that `make cluster` starts in this checkout.
func Here() Cluster { return At(filepath.Join(Checkout(), FolderName)) }

// At is the cluster of a folder: that of `devcluster --folder`.
func At(folder string) Cluster { return Cluster{folder: folder} }

// Folder is where the cluster keeps what it has.
func (c Cluster) Folder() string { return c.folder }

// Kubeconfig is the file with the administrator's access.
func (c Cluster) Kubeconfig() string { return filepath.Join(c.folder, "kubeconfig") }

// Programs is the folder with the programs of the cluster, in the versions that it runs: kubectl and, where KubeVirt is
// installed, virtctl.
func (c Cluster) Programs() string { return filepath.Join(c.folder, "bin") }

// Program is the path of one of the Programs.
func (c Cluster) Program(name string) string { return filepath.Join(c.Programs(), name) }

// AuditFolder is the folder with the API server's audit log. Requests reads it.
func (c Cluster) AuditFolder() string { return filepath.Join(c.folder, "audit") }

// AuditLog is the file that the API server writes its audit log to. Older parts of it are beside it.
func (c Cluster) AuditLog() string { return filepath.Join(c.AuditFolder(), "audit.log") }

// StateFile is the file in which the cluster notes its processes. NodeProcess reads it.
func (c Cluster) StateFile() string { return filepath.Join(c.folder, "state.json") }

// ImageFile is the file of a guest's image that the image server serves, on this machine.
func (c Cluster) ImageFile(image string) string {
	return filepath.Join(c.folder, "shared", "images", image)
}

// Kubeconfig is the access that tests use: the file that KUBECONFIG names, else that of the cluster of this checkout.
func Kubeconfig() string {
	if path := os.Getenv("KUBECONFIG"); path != "" {
		return path
	}
	return Here().Kubeconfig()
}

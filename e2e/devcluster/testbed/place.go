package testbed

import (
	"os"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/internal/checkout"
)

// Checkout is the folder of the project that the working folder is in, with the charts and the programs of the Makefile; empty when the working
// folder is in none.
func Checkout() string { return checkout.Root() }

// Folder is where the dev cluster of the checkout keeps what it has, unless it was started with --folder.
func Folder() string { return filepath.Join(Checkout(), ".devcluster") }

// Kubeconfig is the file with the administrator's access: what KUBECONFIG names, else the dev cluster's.
func Kubeconfig() string {
	if path := os.Getenv("KUBECONFIG"); path != "" {
		return path
	}
	return kubeconfigIn(Folder())
}

func kubeconfigIn(folder string) string { return filepath.Join(folder, "kubeconfig") }

// Program is the path of one of the programs of the cluster's own versions, such as kubectl.
func Program(name string) string { return filepath.Join(Folder(), "bin", name) }

// AuditLog is the file with the API server's requests, a line each. See Requests.
func AuditLog() string { return filepath.Join(Folder(), "audit", "audit.log") }

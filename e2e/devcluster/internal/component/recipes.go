package component

import (
	"context"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/debian"
)

// Versions as the tool modules pin them; the programs themselves print them.
const (
	KubernetesVersion = "v1.37.2"
	kubernetesMajor   = "1"
	kubernetesMinor   = "37"
	containerdVersion = "v2.4.2"
)

// Kubernetes has kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy and kubectl.
func Kubernetes() *artifact.Recipe {
	const variables = "k8s.io/component-base/version."
	return artifact.GoTools("kubernetes", artifact.GoOptions{
		LDFlags: "-X " + variables + "gitVersion=" + KubernetesVersion +
			" -X " + variables + "gitMajor=" + kubernetesMajor + " -X " + variables + "gitMinor=" + kubernetesMinor,
	})
}

// Etcd has etcd.
func Etcd() *artifact.Recipe {
	return artifact.GoTools("etcd",
		artifact.GoOptions{Programs: map[string]string{"etcd": "go.etcd.io/etcd/server/v3"}})
}

// Containerd has containerd, its shim and ctr.
func Containerd() *artifact.Recipe {
	return artifact.GoTools("containerd", artifact.GoOptions{
		Tags:    []string{"no_btrfs", "no_zfs", "no_devmapper"},
		LDFlags: "-X github.com/containerd/containerd/v2/version.Version=" + containerdVersion,
	})
}

// Runc has runc. It is linked against the machine's libseccomp, since runc filters system calls only through it.
func Runc() *artifact.Recipe {
	return artifact.GoTools("runc", artifact.GoOptions{
		CGO: true, Tags: []string{"seccomp"},
		Prepare: func(ctx context.Context, build *artifact.Build) error {
			return debian.Ensure(ctx, build.Log,
				debian.Package{Name: "gcc", Reason: "runc is built with cgo"},
				debian.Package{Name: "libc6-dev", Reason: "runc is built with cgo"},
				debian.Package{Name: "pkg-config", Reason: "runc finds libseccomp with it"},
				debian.Package{Name: "libseccomp-dev", Reason: "runc filters system calls with it"},
			)
		},
	})
}

// NetworkPlugins has the CNI plugins.
func NetworkPlugins() *artifact.Recipe { return artifact.GoTools("cni", artifact.GoOptions{}) }

// CoreDNS has coredns with the plugins that the cluster uses.
func CoreDNS() *artifact.Recipe {
	return artifact.GoTools("coredns", artifact.GoOptions{Programs: map[string]string{"coredns": "."}})
}

// All returns the recipes of the core by the name that `devcluster build` takes.
func All() map[string]*artifact.Recipe {
	return map[string]*artifact.Recipe{
		"kubernetes": Kubernetes(),
		"etcd":       Etcd(),
		"containerd": Containerd(),
		"runc":       Runc(),
		"cni":        NetworkPlugins(),
		"coredns":    CoreDNS(),
		"pods":       Pods(),
	}
}

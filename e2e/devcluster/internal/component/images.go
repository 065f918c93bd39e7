package component

import (
	"context"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/image"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// References of the images of the core. Nothing can be pulled, so the registry is a name that does not exist.
const (
	PauseImage   = "wukong.local/pause:1"
	ProbeImage   = testbed.Probe
	CoreDNSImage = "wukong.local/coredns:1"
)

// Pods has the programs of our own that run in pods: pause and probe.
func Pods() *artifact.Recipe {
	return artifact.GoTools("pods",
		artifact.GoOptions{Programs: map[string]string{"pause": "./pause", "probe": "./probe"}})
}

// PauseArchive is the image of every pod's sandbox.
func PauseArchive() *artifact.Recipe { return binaryImage("pause", PauseImage, "65535:65535", Pods()) }

// ProbeArchive is the image for checks of the cluster itself.
func ProbeArchive() *artifact.Recipe { return binaryImage("probe", ProbeImage, "65532:65532", Pods()) }

// CoreDNSArchive is the image of the cluster's name server. It listens on port 53, for which it has to be root in its
// container.
func CoreDNSArchive() *artifact.Recipe { return binaryImage("coredns", CoreDNSImage, "", CoreDNS()) }

// binaryImage is the image of one program of a recipe, on nothing.
func binaryImage(program, reference, user string, binaries *artifact.Recipe) *artifact.Recipe {
	return &artifact.Recipe{
		Name:  program + "-image",
		Key:   []string{reference, user, "layout 1"},
		Needs: []*artifact.Recipe{binaries},
		Build: func(_ context.Context, build *artifact.Build) error {
			source := filepath.Join(build.Deps[binaries.Name], "bin", program)
			archive := filepath.Join(build.Out, image.Archive)
			return image.FromBinaries(archive, reference, user, []string{"/" + program},
				map[string]string{"/" + program: source})
		},
	}
}

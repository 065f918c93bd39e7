package kubevirt

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/debian"
)

// Version is the version of KubeVirt; tools/kubevirt/go.mod pins the module.
const Version = "v1.7.0"

// compiler is what cgo and the static container-disk need on this machine.
var compiler = []debian.Package{
	{Name: "gcc", Reason: "compiles KubeVirt's programs that use C"},
	{Name: "libc6-dev", Reason: "compiles KubeVirt's programs that use C"},
}

// standInForDummy lets the bridge binding work on a kernel without dummy devices, which small virtual machines often
// have. KubeVirt puts one in the place of the pod's interface, to hold its name, hardware address and IP address; a
// bridge without ports holds them as well, and has nowhere to send to. On other kernels nothing changes.
var standInForDummy = artifact.Patch{
	Module: "github.com/vishvananda/netlink",
	File:   "link_linux.go",
	Old: "func (h *Handle) LinkAdd(link Link) error {\n" +
		"	return h.linkModify(link, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)\n}\n",
	New: "func (h *Handle) LinkAdd(link Link) error {\n" +
		"	const flags = unix.NLM_F_CREATE | unix.NLM_F_EXCL | unix.NLM_F_ACK\n" +
		"	err := h.linkModify(link, flags)\n" +
		"	if dummy, ok := link.(*Dummy); ok && err == unix.EOPNOTSUPP {\n" +
		"		standIn := &Bridge{LinkAttrs: dummy.LinkAttrs}\n" +
		"		err = h.linkModify(standIn, flags)\n" +
		"		dummy.LinkAttrs = standIn.LinkAttrs\n" +
		"	}\n" +
		"	return err\n}\n",
}

// promptOperator lets virt-operator look at a change after a second while it installs. KubeVirt's own five are a wait
// at each step of an installation (pkg/virt-operator/kubevirt.go, defaultAddDelay), and cannot be set. Afterwards they
// are good for something: each look writes a dozen objects, and there is one after every few changes of a pod or lease.
var promptOperator = []artifact.Patch{
	operatorPatch("	defaultAddDelay            = 5 * time.Second\n)\n", ")\n\n"+
		"var started = time.Now()\n\n"+
		"func addDelay() time.Duration {\n"+
		"	if time.Since(started) < 2*time.Minute {\n"+
		"		return time.Second\n"+
		"	}\n"+
		"	return 5 * time.Second\n"+
		"}\n"),
	operatorPatch("			queue.AddAfter(key, defaultAddDelay)\n",
		"			queue.AddAfter(key, addDelay())\n"),
	operatorPatch("		c.queue.AddAfter(key, defaultAddDelay)\n", "		c.queue.AddAfter(key, addDelay())\n"),
}

func operatorPatch(from, to string) artifact.Patch {
	return artifact.Patch{Module: "kubevirt.io/kubevirt", File: "pkg/virt-operator/kubevirt.go", Old: from, New: to}
}

// lateValidator lets virt-operator and virt-api begin before the schemas of KubeVirt's kinds are compiled, which takes
// five seconds of a processor (pkg/virt-api/definitions/validator.go). virt-api compiles them meanwhile. virt-operator,
// which starts twice to install KubeVirt, never needs them.
var lateValidator = artifact.Patch{
	Module: "kubevirt.io/kubevirt",
	File:   "pkg/virt-api/definitions/validator.go",
	Old: "import \"kubevirt.io/kubevirt/pkg/util/openapi\"\n\n" +
		"var Validator = openapi.CreateOpenAPIValidator(ComposeAPIDefinitions())\n",
	New: "import (\n" +
		"	\"os\"\n" +
		"	\"path/filepath\"\n" +
		"	\"sync\"\n\n" +
		"	\"k8s.io/apimachinery/pkg/runtime/schema\"\n\n" +
		"	\"kubevirt.io/kubevirt/pkg/util/openapi\"\n)\n\n" +
		"var compiled = sync.OnceValue(func() *openapi.Validator { return " +
		"openapi.CreateOpenAPIValidator(ComposeAPIDefinitions()) })\n\n" +
		"func init() {\n" +
		"	if filepath.Base(os.Args[0]) == \"virt-api\" {\n" +
		"		go compiled()\n" +
		"	}\n}\n\n" +
		"type validator struct{}\n\n" +
		"var Validator validator\n\n" +
		"func (validator) Validate(gvk schema.GroupVersionKind, obj map[string]interface{}) []error {\n" +
		"	return compiled().Validate(gvk, obj)\n}\n\n" +
		"func (validator) ValidateStatus(gvk schema.GroupVersionKind, obj map[string]interface{}) []error {\n" +
		"	return compiled().ValidateStatus(gvk, obj)\n}\n",
}

// stamp gives the programs their version, as KubeVirt's own build does. Without it virtctl complains of its version in
// every call.
const stamp = "-X kubevirt.io/client-go/version.gitVersion=" + Version +
	" -X kubevirt.io/client-go/version.gitTreeState=clean"

// Programs has KubeVirt's programs in bin/, virtctl among them.
//
// virt-launcher, virt-handler and virt-chroot need cgo. libvirt is opened when the program runs (libvirt_dlopen), so
// that neither its headers nor its release matter here. Without the C library's resolver and user database, programs
// that use nothing else of it are static: one build makes both sorts.
func Programs() *artifact.Recipe {
	recipe := artifact.GoTools("kubevirt", artifact.GoOptions{
		CGO:     true,
		Tags:    []string{"netgo", "osusergo", "libvirt_dlopen"},
		LDFlags: stamp,
		Patches: append([]artifact.Patch{standInForDummy, lateValidator}, promptOperator...),
	})
	compile := recipe.Build
	recipe.Build = func(ctx context.Context, build *artifact.Build) error {
		if err := debian.Ensure(ctx, build.Log, compiler...); err != nil {
			return err
		}
		return compile(ctx, build)
	}
	return recipe
}

// virtctl returns the path of the virtctl program, built if need be.
func virtctl(ctx context.Context, store *artifact.Store) (string, error) {
	folder, err := store.Ensure(ctx, Programs())
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, "bin", "virtctl"), nil
}

// moduleFiles has the few things of KubeVirt that are not Go: the container-disk program, and libvirt's hook.
func moduleFiles() *artifact.Recipe {
	module := filepath.Join(artifact.ToolsFolder(), "kubevirt")
	return &artifact.Recipe{
		Name:   "kubevirt-files",
		Key:    []string{Version, runtime.GOARCH},
		Inputs: []string{filepath.Join(module, "go.sum")},
		Build: func(ctx context.Context, build *artifact.Build) error {
			if err := debian.Ensure(ctx, build.Log, compiler...); err != nil {
				return err
			}
			source, err := artifact.ModuleSource(ctx, module, "kubevirt.io/kubevirt")
			if err != nil {
				return err
			}
			compile := artifact.Command{Args: []string{
				"gcc", "-O2", "-static", "-o", filepath.Join(build.Out, "container-disk"),
				filepath.Join(source, "cmd/container-disk-v2alpha/main.c"),
			}}
			if err := build.Run(ctx, compile); err != nil {
				return fmt.Errorf("compile container-disk: %w", err)
			}
			hook := filepath.Join(source, "cmd/virt-launcher/qemu")
			return build.Run(ctx,
				artifact.Command{Args: []string{"install", "-m", "0755", hook, filepath.Join(build.Out, "qemu-hook")}})
		},
	}
}

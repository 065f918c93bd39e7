package artifact

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/novasphere/wukong/e2e/devcluster/internal/checkout"
)

// GoOptions says how GoTools builds. The zero value builds every `tool` of the module folder tools/<name>, static.
type GoOptions struct {
	// Module is the folder with go.mod and go.sum; empty is e2e/devcluster/tools/<name>.
	Module string
	// Programs maps the name of a binary to its package; empty means all tool directives of go.mod, each named by the
	// last element of its path.
	Programs map[string]string
	// Tags are build tags.
	Tags []string
	// LDFlags is added to "-s -w".
	LDFlags string
	// CGO links against the machine's C library.
	CGO bool
	// Env is added to the environment of `go build`, NAME=VALUE. It is part of the key, so that it must not name this
	// machine's folders.
	Env []string
	// Needs are built first, for example headers that cgo wants.
	Needs []*Recipe
	// Prepare runs before the build, for example to install Debian packages that cgo needs.
	Prepare func(ctx context.Context, build *Build) error
	// Patches change required modules. Each needs a reason where it is made.
	Patches []Patch
}

// GoTools is a recipe named <name>-binaries that builds Go programs from a tool module of their own into bin/. Its key
// has the content of the module's folder, the release of Go and the options; not the release of the C library with CGO.
// The programs are the same bytes in every checkout (-trimpath).
func GoTools(name string, options GoOptions) *Recipe {
	module := options.Module
	if module == "" {
		module = filepath.Join(ToolsFolder(), name)
	}
	return &Recipe{
		Name:   name + "-binaries",
		Inputs: []string{module},
		Needs:  options.Needs,
		Key: []string{
			"go " + runtime.Version(), runtime.GOOS, runtime.GOARCH, os.Getenv("GOAMD64"),
			fmt.Sprint(options.Programs), strings.Join(options.Tags, ","), options.LDFlags, fmt.Sprint(options.CGO),
			strings.Join(options.Env, " "), fmt.Sprint(options.Patches),
		},
		Build: func(ctx context.Context, build *Build) error {
			return buildGo(ctx, build, module, options)
		},
	}
}

func buildGo(ctx context.Context, build *Build, module string, options GoOptions) error {
	if options.Prepare != nil {
		if err := options.Prepare(ctx, build); err != nil {
			return err
		}
	}
	bin := filepath.Join(build.Out, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	env := append([]string{"GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false", "CGO_ENABLED=0"}, options.Env...)
	if options.CGO {
		env = append(env, "CGO_ENABLED=1")
	}
	flags := []string{"go", "build", "-trimpath", "-ldflags", strings.TrimSpace("-s -w " + options.LDFlags)}
	if len(options.Tags) > 0 {
		flags = append(flags, "-tags", strings.Join(options.Tags, ","))
	}
	if len(options.Patches) > 0 {
		folder, err := os.MkdirTemp("", "wukong-patched-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		modFile, err := patched(ctx, build, folder, module, options.Patches)
		if err != nil {
			return err
		}
		flags = append(flags, "-modfile", modFile)
	}
	if len(options.Programs) == 0 {
		return build.Run(ctx, Command{Dir: module, Env: env, Args: append(flags, "-o", bin+"/", "tool")})
	}
	for program, packagePath := range options.Programs {
		args := append(append([]string{}, flags...), "-o", filepath.Join(bin, program), packagePath)
		if err := build.Run(ctx, Command{Dir: module, Env: env, Args: args}); err != nil {
			return err
		}
	}
	return nil
}

// ModuleFolder is the folder of the dev cluster's module, e2e/devcluster, in the checkout of SourceRoot.
func ModuleFolder() string { return filepath.Join(SourceRoot(), "e2e", "devcluster") }

// ToolsFolder is the folder with the tool modules of the dev cluster, one folder each.
func ToolsFolder() string { return filepath.Join(ModuleFolder(), "tools") }

// builtFrom is the checkout that this program was built from, as its build says to the linker.
var builtFrom string

// SourceRoot is the checkout of the project whose sources are built: $WUKONG_ROOT, else the one that the working folder
// is in, else the one that this program was built from. It is empty when none of them is known. Tool modules cannot be
// embedded, since each is a Go module of its own.
func SourceRoot() string {
	if root := os.Getenv("WUKONG_ROOT"); root != "" {
		return root
	}
	if root := checkout.Root(); root != "" {
		return root
	}
	return builtFrom
}

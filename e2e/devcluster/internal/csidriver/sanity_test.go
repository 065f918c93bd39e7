package csidriver_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/novasphere/wukong/e2e/devcluster/internal/csidriver"
	"github.com/novasphere/wukong/e2e/devcluster/internal/pooldisk"
)

// TestSanity runs the conformance suite of CSI against the driver, for both volume modes, with real mounts and loop
// devices: on Btrfs where the kernel has it, with the service of groups, and on a plain folder.
func TestSanity(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	best, err := pooldisk.Best()
	require.NoError(t, err)
	for accessType, kind := range map[string]pooldisk.Kind{
		"mount": best, "block": best, "mount on a folder": pooldisk.Folder, "block on a folder": pooldisk.Folder,
	} {
		folder := start(t, kind,
			csidriver.Options{Name: driverName, NodeID: "node-1", Capacity: 1 << 40, Controller: true})
		config := sanity.NewTestConfig()
		config.Address = "passthrough:///csi.sock"
		config.DialOptions = []grpc.DialOption{grpc.WithContextDialer(lateDialer(filepath.Join(folder, "csi.sock"))),
			grpc.WithTransportCredentials(insecure.NewCredentials())}
		config.TargetPath = filepath.Join(folder, "targets")
		config.StagingPath = filepath.Join(folder, "staging")
		config.TestVolumeAccessType, _, _ = strings.Cut(accessType, " ")
		config.TestVolumeSize = 64 << 20
		config.TestVolumeExpandSize = 128 << 20
		ginkgo.Describe(accessType, func() { sanity.GinkgoTest(&config) })
	}
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.RunSpecs(t, "CSI sanity")
}

// lateDialer connects to a socket after a second. The suite starts to connect, and then waits for the state of the
// connection to change from what it is at that moment (csi-test v5.3.1, utils/grpcutil.go): when the connection is
// ready by then, it waits for ever. A socket is as fast as that.
func lateDialer(socket string) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, _ string) (net.Conn, error) {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
}

// start runs a driver on a pool of its own. It returns the folder with its socket csi.sock.
func start(t *testing.T, kind pooldisk.Kind, options csidriver.Options) string {
	t.Helper()
	options.PoolFolder = newPool(t, kind)
	folder := filepath.Dir(options.PoolFolder)
	driver, err := csidriver.New(options)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- driver.Serve(ctx, filepath.Join(folder, "csi.sock")) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-served)
		require.Empty(t, devicesOf(t, folder), "loop devices that are left")
	})
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(folder, "csi.sock"))
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	return folder
}

// devicesOf returns the files below a folder that have a loop device.
func devicesOf(t *testing.T, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	require.NoError(t, err)
	var files []string
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err == nil && strings.HasPrefix(string(file), folder) {
			files = append(files, string(file))
		}
	}
	return files
}

package sandbox

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const versionOne = `
22 1 254:0 / / rw - ext4 /dev/vda rw
24 22 0:20 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
25 24 0:21 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
26 24 0:22 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/agent,name=systemd
27 24 0:23 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
28 22 0:24 / /elsewhere rw - cgroup cgroup rw,pids
`

const versionTwo = `
22 1 254:0 / / rw - ext4 /dev/vda rw
24 22 0:20 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
`

func TestHierarchiesOfBothVersions(t *testing.T) {
	require.Equal(t, []hierarchy{
		{path: "/sys/fs/cgroup/cpu,cpuacct", options: "cpu,cpuacct"},
		{path: "/sys/fs/cgroup/systemd", options: "none,name=systemd"},
		{path: "/sys/fs/cgroup/unified", unified: true},
	}, parseHierarchies(versionOne))
	require.Equal(t, []hierarchy{{path: "/sys/fs/cgroup", unified: true}}, parseHierarchies(versionTwo))
}

func TestEveryDiskOfTheHostIsCovered(t *testing.T) {
	const mountinfo = `
22 1 254:0 / / rw - ext4 /dev/vda rw
23 22 254:1 / /tmp rw - xfs /dev/vdb rw
24 22 0:20 / /proc rw - proc proc rw
25 22 0:30 / /dev/shm rw - tmpfs tmpfs rw
26 23 254:2 / /does-not-exist rw - ext4 /dev/vdc rw
`
	require.Equal(t, []string{"/", "/tmp"}, diskMounts(mountinfo))
}

func TestServerAnswersWhenItSaysSo(t *testing.T) {
	status := http.StatusForbidden
	server := httptest.NewTLSServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		answer.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	require.False(t, answers(server.URL+"/readyz"))
	status = http.StatusOK
	require.True(t, answers(server.URL+"/readyz"))
	require.True(t, answers("tcp:"+server.Listener.Addr().String()))
	require.False(t, answers("unix:"+filepath.Join(t.TempDir(), "nobody")))
}

package content

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/carry"
	"github.com/novasphere/wukong/mover"
)

// update rewrites the golden files.
var update = flag.Bool("update", false, "rewrite testdata")

const sum = "sha256:abababababababababababababababababababababababababababababababab"

// machine is a WukongVM with much that a clone would not take over.
func machine() *v1alpha1.WukongVM {
	vm := builder.VM("shop", "web", builder.Stamped("root", builder.OnClass("fast")),
		builder.Disks(builder.DiskReference("data", "archive"), builder.DiskReference("logs", "logs")),
		builder.On("backend"))
	vm.UID = "0c9e0b3c-4a0f-4c7c-8a52-3c1a3c8c8a11"
	vm.Labels = map[string]string{"tier": "front", "argocd.argoproj.io/instance": "shop"}
	vm.Spec.WukongRef = &v1alpha1.LocalObjectReference{Name: "shop"}
	vm.Spec.CloneableFrom = []string{"lab"}
	vm.Spec.CloudInit = &v1alpha1.CloudInit{UserDataSecretRef: &v1alpha1.SecretKeyReference{Name: "web-user-data"}}
	return vm
}

func inputs(key string) Inputs {
	taken := metav1.NewTime(time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC))
	snapshot := builder.SnapshotOfVM("shop", "web-20260301-0300", "web")
	snapshot.Status = v1alpha1.WukongSnapshotStatus{
		TakenAt: &taken, Consistency: v1alpha1.ConsistencyApplication,
		Excluded: []v1alpha1.SnapshotExcludedDisk{{Name: "logs", Reason: "its StorageClass cannot take snapshots"}},
	}
	backup := builder.Backup("shop", "web-20260301-0300", snapshot.Name,
		builder.S3Folder("https://s3.example/backups/shop/web", "eu", "bucket", key))
	in := Inputs{Backup: backup, Snapshot: snapshot, Machine: machine(), Disks: carry.LiveDisks{
		"archive": builder.Disk("shop", "archive"), "logs": builder.Disk("shop", "logs"),
	}, Networks: []*v1alpha1.WukongNetwork{builder.Network("shop", "backend")}}
	for _, name := range []string{"root", "data"} {
		snapshot.Status.Disks = append(snapshot.Status.Disks, v1alpha1.SnapshotDiskStatus{
			Name: name, Size: ptr.To(resource.MustParse("3Gi")), StorageClassName: "fast",
		})
		in.Copies = append(in.Copies, v1alpha1.BackupDiskStatus{
			Name: name, SizeBytes: 1000, Checksum: sum, Location: Folder(backup) + "/" + FileName(backup, name),
		})
	}
	return in
}

func golden(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	expected, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(expected), content, "run the test with -update if that is right")
}

func TestTheManifestOfAWukongVM(t *testing.T) {
	files, found := inputs("key").Files()
	require.Nil(t, found)
	golden(t, "machine.yaml", files[mover.ManifestFile])
	in := inputs("key")
	assert.Contains(t, files[mover.ManifestFile], "uuid: "+string(model.FirmwareUUID(in.Machine)))
	assert.NotContains(t, files[mover.ManifestFile], "argocd", "it would be deleted: it is in no manifest of Argo CD")
	assert.NotContains(t, files[mover.ManifestFile], "cloned-by")
}

func TestTheIndex(t *testing.T) {
	files, found := inputs("").Files()
	require.Nil(t, found)
	index := mover.Index{}
	require.NoError(t, json.Unmarshal([]byte(files[mover.IndexFile]), &index))
	assert.Equal(t, mover.Index{
		Version: mover.IndexVersion, Name: "web-20260301-0300", Namespace: "shop", Source: "WukongVM/web",
		TakenAt: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), Consistency: "Application", Manifest: "restore.yaml",
		Disks: []mover.IndexDisk{
			{Name: "root", File: "root.qcow2.gz", SizeBytes: 1000, Checksum: sum},
			{Name: "data", File: "data.qcow2.gz", SizeBytes: 1000, Checksum: sum},
		},
	}, index)
	assert.Equal(t, "https://s3.example/backups/shop/web/web-20260301-0300/restore.yaml", ManifestURL(inputs("").Backup))
}

func TestTheManifestOfADisk(t *testing.T) {
	in := inputs("")
	in.Machine, in.Networks = nil, nil
	in.Snapshot.Spec.Source = v1alpha1.SnapshotSource{DiskRef: &v1alpha1.LocalObjectReference{Name: "archive"}}
	in.Snapshot.Status.Disks, in.Copies = in.Snapshot.Status.Disks[:1], in.Copies[:1]
	in.Snapshot.Status.Disks[0].Name, in.Copies[0].Name = "archive", "archive"
	files, found := in.Files()
	require.Nil(t, found)
	golden(t, "disk.yaml", files[mover.ManifestFile])

	in.Disks = carry.LiveDisks{}
	files, found = in.Files()
	require.Nil(t, found, "the disk may be deleted by now")
	assert.Contains(t, files[mover.ManifestFile], "size: 3Gi")
}

// What only an administrator may write is restored by whoever may write it.
func TestANetworkThatIsUnrestrictedIsBackedUp(t *testing.T) {
	in := inputs("")
	in.Machine.Spec.Networks = append(in.Machine.Spec.Networks, v1alpha1.VMNetwork{
		Name: "host", Template: &v1alpha1.NetworkTemplate{
			Spec: v1alpha1.WukongNetworkSpec{HostAccess: v1alpha1.HostAccessUnrestricted},
		},
	})
	files, found := in.Files()
	require.Nil(t, found)
	assert.Contains(t, files[mover.ManifestFile], "hostAccess: Unrestricted")
}

func TestANetworkThatIsMissingIsNamed(t *testing.T) {
	in := inputs("")
	in.Networks = nil
	files, found := in.Files()
	require.Nil(t, found)
	assert.True(t, strings.Contains(files[mover.ManifestFile], "# - WukongNetwork backend: it did not exist"))
}

//go:build e2e

package platform

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

const groupSnapshots = "groupsnapshot.storage.k8s.io/v1beta1"

// recordSize is that of a record, a line with its number.
const recordSize = 65536

// requireSnapshots skips a test where the dev cluster's snapshots are less exact than one of the given kinds
// (e2e/devcluster/internal/addons/csi).
func (c *cluster) requireSnapshots(t *testing.T, kinds ...string) {
	t.Helper()
	var driver storagev1.CSIDriver
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Name: testbed.Provisioner}, &driver))
	found := driver.Labels[testbed.SnapshotsLabel]
	if slices.Contains(kinds, found) {
		return
	}
	require.Contains(t, []string{testbed.SnapshotsPerFile, testbed.SnapshotsCopied}, found,
		"a kind of snapshots that the dev cluster does not have")
	t.Skipf("snapshots of this dev cluster are %s, and this test needs %s: the kernel has no Btrfs", found,
		strings.Join(kinds, " or "))
}

// newWriter is a pod that writes each record to all volumes in turn, each made sure of by fsync, and then notes its
// number. Beside that it writes to the first volume as fast as it can.
func (c *cluster) newWriter(volumes ...volume) *corev1.Pod {
	pod := c.newPod("writer", c.nodes[0], volumes...)
	script := []string{"/bin/busybox --install -s /bin"}
	script = append(script,
		fmt.Sprintf("while :; do dd if=/dev/urandom of=/%s/noise bs=64k count=64 conv=notrunc,fsync "+
			"2>/dev/null; done &", volumes[0].claim))
	script = append(script, "n=0", "while :; do")
	for _, one := range volumes {
		place := "/" + one.claim + "/records"
		if one.device {
			place = "/dev/" + one.claim
		}
		script = append(script,
			fmt.Sprintf(`printf "%%0%dd\n" $((n+1)) | dd of=%s bs=%d seek=$n iflag=fullblock conv=notrunc,fsync `+
				`2>/dev/null || exit 1`,
				recordSize-1, place, recordSize))
	}
	script = append(script, "n=$((n+1))", "echo $n >> /written", "done")
	pod.Spec.Containers[0].Command = []string{"/bin/sh", "-c", strings.Join(script, "\n")}
	return pod
}

// written is the number of the last record that is in all volumes.
func (c *cluster) written(t *testing.T) int {
	t.Helper()
	number, err := strconv.Atoi(c.shell(t, "writer", "tail -n 1 /written"))
	require.NoError(t, err)
	return number
}

// waitWriting waits until the writer has written some records more.
func (c *cluster) waitWriting(t *testing.T) {
	t.Helper()
	eventually(t, "the writer begins", func() string {
		return c.shell(t, "writer", "[ -s /written ] || echo nothing is written")
	})
	start := c.written(t)
	eventually(t, "the writer writes", func() string {
		if now := c.written(t); now < start+3 {
			return fmt.Sprintf("%d records", now)
		}
		return ""
	})
}

// records counts the records in a file or device, of which there are not more than limit. They must be the first ones,
// without a hole. The last may be torn, and then does not count.
func (c *cluster) records(t *testing.T, pod, place string, limit int) int {
	t.Helper()
	const check = `head -c %d %s | awk -v size=%d '
		length($0) != size { torn = NR; next }
		torn { print "record " NR " after a torn one"; failed = 1; exit }
		substr($0, size - 15) + 0 != NR { ` +
		`print "record " substr($0, size - 15) + 0 " in place of " NR; failed = 1; exit }
		{ last = NR }
		END { if (!failed) print last + 0 }' | tail -n 1`
	output := c.shell(t, pod, fmt.Sprintf(check, recordSize*limit, place, recordSize-1))
	number, err := strconv.Atoi(output)
	require.NoError(t, err, "%s in %s: %s", place, pod, output)
	return number
}

// ready creates a snapshot or a group, and waits until it is ready.
func (c *cluster) ready(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	require.NoError(t, c.Create(t.Context(), object))
	eventually(t, object.GetKind()+" "+object.GetName()+" is ready", func() string {
		require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(object), object))
		if ready, _, _ := unstructured.NestedBool(object.Object, "status", "readyToUse"); !ready {
			return fmt.Sprint(object.Object["status"])
		}
		return ""
	})
}

// restored is a claim made from a snapshot, as the original was.
func (c *cluster) restored(t *testing.T, name, snapshot string, mode corev1.PersistentVolumeMode) {
	t.Helper()
	group := "snapshot.storage.k8s.io"
	claim := c.newClaim(name, testbed.SharedClass, "1Gi")
	claim.Spec.VolumeMode = &mode
	claim.Spec.DataSource = &corev1.TypedLocalObjectReference{APIGroup: &group, Kind: "VolumeSnapshot", Name: snapshot}
	require.NoError(t, c.Create(t.Context(), claim))
}

func TestASnapshotUnderLoadHasWhatWasWrittenAndNoHole(t *testing.T) {
	harness.Essential(t)
	c := connect(t)
	c.requireSnapshots(t, testbed.SnapshotsAtomic, testbed.SnapshotsPerFile)
	block := corev1.PersistentVolumeBlock
	disk := c.newClaim("disk", testbed.SharedClass, "1Gi")
	disk.Spec.VolumeMode = &block
	c.bound(t, c.newClaim("data", testbed.SharedClass, "1Gi"))
	c.bound(t, disk)
	c.run(t, c.newWriter(volume{claim: "data"}, volume{claim: "disk", device: true}))

	before := map[string]int{}
	var volumes []volume
	for round := range 2 {
		for claim, mode := range map[string]corev1.PersistentVolumeMode{
			"data": corev1.PersistentVolumeFilesystem, "disk": block,
		} {
			c.waitWriting(t)
			name := fmt.Sprintf("%s-%d", claim, round)
			before[name] = c.written(t)
			c.ready(t, c.object(snapshots, "VolumeSnapshot", name, map[string]any{
				"source": map[string]any{"persistentVolumeClaimName": claim},
			}))
			c.restored(t, name, name, mode)
			volumes = append(volumes, volume{claim: name, device: mode == block})
		}
	}
	after := c.written(t)
	c.run(t, c.newPod("reader", c.nodes[1], volumes...))
	for _, one := range volumes {
		place := "/" + one.claim + "/records"
		if one.device {
			place = "/dev/" + one.claim
		}
		found := c.records(t, "reader", place, after+1)
		require.GreaterOrEqual(t, found, before[one.claim],
			"%s lacks what was made sure of before it was cut", one.claim)
	}
}

func TestAGroupSnapshotIsOneMomentOfItsVolumes(t *testing.T) {
	harness.Essential(t)
	c := connect(t)
	c.requireSnapshots(t, testbed.SnapshotsAtomic)
	for _, name := range []string{"a", "b"} {
		claim := c.newClaim(name, testbed.SharedClass, "1Gi")
		claim.Labels = map[string]string{"group": "both"}
		c.bound(t, claim)
	}
	c.run(t, c.newWriter(volume{claim: "a"}, volume{claim: "b"}))

	const rounds = 5
	before := map[int]int{}
	var volumes []volume
	var groups []*unstructured.Unstructured
	for round := range rounds {
		c.waitWriting(t)
		before[round] = c.written(t)
		group := c.object(groupSnapshots, "VolumeGroupSnapshot", fmt.Sprintf("group-%d", round), map[string]any{
			"volumeGroupSnapshotClassName": "wukong",
			"source": map[string]any{
				"selector": map[string]any{"matchLabels": map[string]any{"group": "both"}},
			},
		})
		c.ready(t, group)
		groups = append(groups, group)
		members := c.members(t, group)
		require.Len(t, members, 2)
		for claim, snapshot := range members {
			name := fmt.Sprintf("%s-%d", claim, round)
			c.restored(t, name, snapshot, corev1.PersistentVolumeFilesystem)
			volumes = append(volumes, volume{claim: name})
		}
	}
	after := c.written(t)
	c.run(t, c.newPod("reader", c.nodes[1], volumes...))
	for round := range rounds {
		first := c.records(t, "reader", fmt.Sprintf("/a-%d/records", round), after+1)
		second := c.records(t, "reader", fmt.Sprintf("/b-%d/records", round), after+1)
		require.GreaterOrEqual(t, second, before[round], "what was made sure of before the cut")
		require.Contains(t, []int{second, second + 1}, first, "%d records in a and %d in b: they are of two moments",
			first, second)
	}

	require.NoError(t, c.Delete(t.Context(), groups[0]))
	eventually(t, "the members of the group are gone", func() string {
		if left := c.members(t, groups[0]); len(left) > 0 {
			return fmt.Sprint(left)
		}
		return ""
	})
}

// members are the snapshots of a group, by the claims that they are of.
func (c *cluster) members(t *testing.T, group *unstructured.Unstructured) map[string]string {
	t.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion(snapshots)
	list.SetKind("VolumeSnapshotList")
	require.NoError(t, c.List(t.Context(), list, client.InNamespace(c.namespace)))
	found := map[string]string{}
	for index := range list.Items {
		one := &list.Items[index]
		isOwner := func(owner metav1.OwnerReference) bool { return owner.UID == group.GetUID() }
		if !slices.ContainsFunc(one.GetOwnerReferences(), isOwner) {
			continue
		}
		claim, _, err := unstructured.NestedString(one.Object, "spec", "source", "persistentVolumeClaimName")
		require.NoError(t, err)
		found[claim] = one.GetName()
	}
	return found
}

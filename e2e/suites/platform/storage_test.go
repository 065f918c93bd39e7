//go:build e2e

package platform

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

const snapshots = "snapshot.storage.k8s.io/v1"

func (c *cluster) newClaim(name, class, size string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: c.namespace},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class,
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)},
			},
		},
	}
}

func (c *cluster) claim(t *testing.T, name string) *corev1.PersistentVolumeClaim {
	t.Helper()
	var found corev1.PersistentVolumeClaim
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: c.namespace, Name: name}, &found))
	return &found
}

func (c *cluster) waitBound(t *testing.T, name string) {
	t.Helper()
	eventually(t, "claim "+name+" is bound", func() string {
		if phase := c.claim(t, name).Status.Phase; phase != corev1.ClaimBound {
			return string(phase)
		}
		return ""
	})
}

func (c *cluster) bound(t *testing.T, claim *corev1.PersistentVolumeClaim) {
	t.Helper()
	require.NoError(t, c.Create(t.Context(), claim))
	c.waitBound(t, claim.Name)
}

func TestASharedVolumeIsWrittenFromTwoNodes(t *testing.T) {
	harness.Essential(t)
	c := connect(t)
	c.bound(t, c.newClaim("data", testbed.SharedClass, "64Mi"))
	c.run(t, c.newPod("one", c.nodes[0], volume{claim: "data"}))
	c.run(t, c.newPod("two", c.nodes[1], volume{claim: "data"}))
	c.shell(t, "one", "echo hello > /data/file")
	require.Equal(t, "hello", c.shell(t, "two", "cat /data/file"))
}

func TestALocalVolumeWaitsForItsFirstPod(t *testing.T) {
	harness.Essential(t)
	c := connect(t)
	claim := c.newClaim("data", testbed.LocalClass, "64Mi")
	claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	require.NoError(t, c.Create(t.Context(), claim))
	eventually(t, "the claim says what it waits for", func() string {
		var events corev1.EventList
		require.NoError(t, c.List(t.Context(), &events, client.InNamespace(c.namespace)))
		for _, event := range events.Items {
			if event.Reason == "WaitForFirstConsumer" {
				return ""
			}
		}
		return "no event WaitForFirstConsumer"
	})
	require.Equal(t, corev1.ClaimPending, c.claim(t, "data").Status.Phase)
	c.run(t, c.newPod("one", c.nodes[0], volume{claim: "data"}))
	c.waitBound(t, "data")
}

func TestABlockVolumeHasItsSizeAndIsTheSameOnBothNodes(t *testing.T) {
	harness.Essential(t)
	c := connect(t)
	claim := c.newClaim("disk", testbed.SharedClass, "64Mi")
	mode := corev1.PersistentVolumeBlock
	claim.Spec.VolumeMode = &mode
	c.bound(t, claim)
	c.run(t, c.newPod("one", c.nodes[0], volume{claim: "disk", device: true}))
	c.run(t, c.newPod("two", c.nodes[1], volume{claim: "disk", device: true}))
	require.Equal(t, "67108864", c.shell(t, "one", "blockdev --getsize64 /dev/disk"))
	c.shell(t, "one", "printf hello | dd of=/dev/disk conv=fsync 2>/dev/null")
	require.Equal(t, "hello", c.shell(t, "two", "head -c 5 /dev/disk"))

	c.grow(t, "disk", "128Mi")
	require.Equal(t, "134217728", c.shell(t, "one", "blockdev --getsize64 /dev/disk"))
}

// grow asks for more, and waits until the claim has it.
func (c *cluster) grow(t *testing.T, name, size string) {
	t.Helper()
	claim := c.claim(t, name)
	before := claim.DeepCopy()
	claim.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse(size)
	require.NoError(t, c.Patch(t.Context(), claim, client.MergeFrom(before)))
	eventually(t, "claim "+name+" has "+size, func() string {
		capacity := c.claim(t, name).Status.Capacity[corev1.ResourceStorage]
		if capacity.Cmp(resource.MustParse(size)) != 0 {
			return "it has " + capacity.String()
		}
		return ""
	})
}

func TestVolumesGrowWhileTheyAreMounted(t *testing.T) {
	harness.Essential(t)
	c := connect(t)
	for _, class := range []string{testbed.SharedClass, testbed.LocalClass} {
		require.NoError(t, c.Create(t.Context(), c.newClaim(class, class, "64Mi")))
		c.run(t, c.newPod(class, c.nodes[0], volume{claim: class}))
		c.grow(t, class, "128Mi")
	}
}

func TestAFixedVolumeDoesNotGrow(t *testing.T) {
	harness.Essential(t)
	c := connect(t)
	c.bound(t, c.newClaim("data", testbed.FixedClass, "64Mi"))
	claim := c.claim(t, "data")
	before := claim.DeepCopy()
	claim.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("128Mi")
	err := c.Patch(t.Context(), claim, client.MergeFrom(before))
	require.True(t, apierrors.IsForbidden(err), "%v", err)
}

func TestASnapshotIsRestoredAndAVolumeIsCloned(t *testing.T) {
	harness.Essential(t)
	c := connect(t)
	c.bound(t, c.newClaim("data", testbed.SharedClass, "64Mi"))
	c.run(t, c.newPod("writer", c.nodes[0], volume{claim: "data"}))
	c.shell(t, "writer", "echo before > /data/file; sync")

	snapshot := c.object(snapshots, "VolumeSnapshot", "snapshot", map[string]any{
		"source": map[string]any{"persistentVolumeClaimName": "data"},
	})
	require.NoError(t, c.Create(t.Context(), snapshot))
	eventually(t, "the snapshot is ready", func() string {
		require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(snapshot), snapshot))
		if ready, _, _ := unstructured.NestedBool(snapshot.Object, "status", "readyToUse"); !ready {
			return "not ready"
		}
		return ""
	})
	c.shell(t, "writer", "echo after > /data/file; sync")

	group := "snapshot.storage.k8s.io"
	restored := c.newClaim("restored", testbed.SharedClass, "128Mi")
	restored.Spec.DataSource = &corev1.TypedLocalObjectReference{
		APIGroup: &group, Kind: "VolumeSnapshot", Name: "snapshot",
	}
	c.bound(t, restored)
	clone := c.newClaim("clone", testbed.SharedClass, "64Mi")
	clone.Spec.DataSource = &corev1.TypedLocalObjectReference{Kind: "PersistentVolumeClaim", Name: "data"}
	c.bound(t, clone)
	c.run(t, c.newPod("reader", c.nodes[1], volume{claim: "restored"}, volume{claim: "clone"}))
	require.Equal(t, "before", c.shell(t, "reader", "cat /restored/file"))
	require.Equal(t, "after", c.shell(t, "reader", "cat /clone/file"))
}

func TestAFullPoolIsReportedAndHealsWhenThereIsRoom(t *testing.T) {
	harness.Essential(t)
	c := connect(t)
	class := &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: c.namespace}, Provisioner: testbed.Provisioner,
		Parameters: testbed.PoolParameters(c.namespace, "100Mi"),
	}
	require.NoError(t, c.Create(t.Context(), class))
	t.Cleanup(func() { _ = c.Delete(context.Background(), class) })
	first := c.newClaim("first", class.Name, "64Mi")
	c.bound(t, first)
	require.NoError(t, c.Create(t.Context(), c.newClaim("second", class.Name, "64Mi")))
	eventually(t, "an event says that the pool is full", func() string {
		var events corev1.EventList
		require.NoError(t, c.List(t.Context(), &events, client.InNamespace(c.namespace)))
		for _, event := range events.Items {
			if event.InvolvedObject.Name == "second" && strings.Contains(event.Message, "is full") {
				return ""
			}
		}
		return "no such event"
	})
	require.NoError(t, c.Delete(t.Context(), first))
	c.waitBound(t, "second")
}

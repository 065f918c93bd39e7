//go:build controlplane

package controllers_test

import (
	"strings"
	"testing"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/simulator"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// Subsystems can be deployed apart: every controller runs in a manager of its own, with the role that is generated from
// its own markers and the shared one, and together they carry a machine through its life.
func TestEverySubsystemNeedsItsOwnRoleOnly(t *testing.T) {
	f := testkit.New(t)
	namespace := f.Namespace
	for _, name := range controllers.Names() {
		startAlone(f, name)
	}
	f.Simulate()

	umbrella := &v1alpha1.Wukong{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"}}
	require.NoError(t, f.Client.Create(t.Context(), umbrella))
	image := newImage(namespace, "debian", umbrella.Name)
	require.NoError(t, f.Client.Create(t.Context(), image))
	vm, disk, network := newMachine(namespace, "web", umbrella.Name), newDisk(namespace, "data", umbrella.Name),
		newNetwork(namespace, "backup", umbrella.Name)
	export := newExport(namespace, "backup", umbrella.Name, disk.Name)
	for _, obj := range []client.Object{vm, disk, network, export} {
		require.NoError(t, f.Client.Create(t.Context(), obj))
	}
	waitReady(f, vm, v1alpha1.ReasonRunning)
	waitReady(f, disk, v1alpha1.ReasonReady)
	waitReady(f, network, v1alpha1.ReasonReady)
	offerImage(f, image)
	waitReady(f, image, v1alpha1.ReasonReady)
	waitReady(f, umbrella, v1alpha1.ReasonChildrenReady)

	snapshotOfRunning(f, vm)
	failedMigration(f, vm)
	require.NoError(t,
		f.Client.Patch(t.Context(), vm,
			client.RawPatch(types.MergePatchType, []byte(`{"spec":{"powerState":"Stopped"}}`))))
	waitReady(f, vm, v1alpha1.ReasonStopped)
	cloneOfStopped(f, vm)
	scheduleWithTrial(f, vm)

	f.Eventually(func(now *testkit.Attempt) {
		require.NoError(now, f.Client.Get(t.Context(), client.ObjectKeyFromObject(export), export))
		assert.Equal(now, v1alpha1.OperationInProgress, export.Status.Phase, "%+v", export.Status.Conditions)
	})

	snapshot := newSnapshot(namespace, "monday", umbrella.Name, disk.Name)
	require.NoError(t, f.Client.Create(t.Context(), snapshot))
	completeSnapshot(f, snapshot)
	waitReady(f, snapshot, v1alpha1.ReasonTaken)

	require.NoError(t, f.Client.Delete(t.Context(), umbrella))
	for _, list := range []client.ObjectList{
		&v1alpha1.WukongList{}, &v1alpha1.WukongVMList{}, &v1alpha1.WukongDiskList{}, &v1alpha1.WukongNetworkList{},
		&v1alpha1.WukongImageList{}, &v1alpha1.WukongExportList{}, &batchv1.JobList{},
		&v1alpha1.WukongSnapshotList{}, &snapshotv1.VolumeSnapshotList{},
		&kubevirtv1.VirtualMachineList{}, &cdiv1.DataVolumeList{}, &networkv1.NetworkAttachmentDefinitionList{},
	} {
		waitEmpty(f, namespace, list)
	}
	waitEmpty(f, "", &v1alpha1.WukongAddressList{})
	require.NoError(t, f.Client.Get(t.Context(), client.ObjectKeyFromObject(disk), &corev1.PersistentVolumeClaim{}),
		"the retained claim")
}

// The test above could pass for the wrong reason: if everyone might do everything.
func TestRolesOfOthersAreNotEnough(t *testing.T) {
	f := testkit.New(t)
	config, refusals := f.As("wukongnetwork")
	stranger, err := client.New(config, client.Options{Scheme: controllers.Scheme()})
	require.NoError(t, err)
	disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "data"}}
	assert.True(t, apierrors.IsForbidden(stranger.Get(t.Context(), client.ObjectKeyFromObject(disk), disk)))
	assert.Len(t, refusals.List(), 1)
}

// startAlone runs one controller with its own rights, of which none may be missing by the end of the test.
func startAlone(f *testkit.Fixture, name string) {
	f.Helper()
	alone, refusals := f.RunAs(name, "dependency")
	if name == "wukongsnapshotschedule" { // each minute has come already
		alone = alone.ByClock(clocktesting.NewFakePassiveClock(time.Now().Add(time.Hour)))
	}
	f.Cleanup(func() { assert.Empty(f, refusals.List(), "the role of %s lacks a right", name) })
	alone.Running(name).StartManagerOfAll()
}

// newMachine stamps a disk and a network that gives it an address, so that every controller has something to do.
func newMachine(namespace, name, umbrella string) *v1alpha1.WukongVM {
	return &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WukongVMSpec{
			WukongRef: &v1alpha1.LocalObjectReference{Name: umbrella},
			Memory:    v1alpha1.Memory{Guest: resource.MustParse("1Gi")},
			Disks: []v1alpha1.VMDisk{{Name: "root", Template: &v1alpha1.DiskTemplate{Spec: v1alpha1.WukongDiskSpec{
				Size: ptr.To(resource.MustParse("1Gi")),
				Source: &v1alpha1.WukongDiskSource{
					HTTP: &v1alpha1.HTTPSource{URL: "http://images.example/debian.qcow2"},
				},
			}}}},
			Networks: []v1alpha1.VMNetwork{{Name: "lan",
				Template: &v1alpha1.NetworkTemplate{Spec: v1alpha1.WukongNetworkSpec{
					Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br0"},
					Subnets: []v1alpha1.Subnet{{CIDR: "10.80.0.0/24", Pool: &v1alpha1.AddressPool{}}},
				}}}},
		},
	}
}

// newDisk leaves its claim behind, which takes more rights than to let it go.
func newDisk(namespace, name, umbrella string) *v1alpha1.WukongDisk {
	return &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WukongDiskSpec{
			WukongRef:     &v1alpha1.LocalObjectReference{Name: umbrella},
			Size:          ptr.To(resource.MustParse("1Gi")),
			ReclaimPolicy: v1alpha1.ReclaimRetain,
		},
	}
}

// newExport makes a Secret and a Service beside its Job.
func newExport(namespace, name, umbrella, disk string) *v1alpha1.WukongExport {
	return &v1alpha1.WukongExport{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WukongExportSpec{
			WukongRef: &v1alpha1.LocalObjectReference{Name: umbrella},
			Source:    v1alpha1.ExportSource{DiskRef: &v1alpha1.LocalObjectReference{Name: disk}},
			Target:    v1alpha1.ExportTarget{Download: &v1alpha1.DownloadTarget{}},
		},
	}
}

func newNetwork(namespace, name, umbrella string) *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WukongNetworkSpec{
			WukongRef: &v1alpha1.LocalObjectReference{Name: umbrella},
			Type:      v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br1"},
		},
	}
}

// newImage is imported once.
func newImage(namespace, name, umbrella string) *v1alpha1.WukongImage {
	return &v1alpha1.WukongImage{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WukongImageSpec{
			WukongRef: &v1alpha1.LocalObjectReference{Name: umbrella},
			Source: v1alpha1.WukongImageSource{
				HTTP: &v1alpha1.HTTPSource{URL: "http://images.example/debian.qcow2"},
			},
			Size: resource.MustParse("1Gi"),
		},
	}
}

// offerImage plays CDI that finds a DataSource in order. The simulator does not know DataSources.
func offerImage(t *testkit.Fixture, image *v1alpha1.WukongImage) {
	t.Helper()
	dataSource := &cdiv1.DataSource{}
	t.Until(func() bool {
		err := t.Client.Get(t.Context(), client.ObjectKeyFromObject(image), dataSource)
		return err == nil && dataSource.Spec.Source.PVC != nil
	})
	require.NoError(t, t.Client.Patch(t.Context(), dataSource, client.RawPatch(types.MergePatchType,
		[]byte(`{"status":{"conditions":[{"type":"Ready","status":"True"}]}}`))))
}

func newSnapshot(namespace, name, umbrella, disk string) *v1alpha1.WukongSnapshot {
	return &v1alpha1.WukongSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WukongSnapshotSpec{
			WukongRef: &v1alpha1.LocalObjectReference{Name: umbrella},
			Source:    v1alpha1.SnapshotSource{DiskRef: &v1alpha1.LocalObjectReference{Name: disk}},
		},
	}
}

// snapshotOfRunning takes a snapshot of a machine whose guest is frozen for it.
func snapshotOfRunning(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
	f.Helper()
	agents, err := simulator.StartAgents(f.Context(), f.Client)
	require.NoError(f, err)
	f.Cleanup(agents.Stop)
	f.Create(&snapshotv1.VolumeSnapshotClass{
		ObjectMeta: metav1.ObjectMeta{
			Name: "usual", Annotations: map[string]string{"snapshot.storage.kubernetes.io/is-default-class": "true"},
		},
		Driver: testenv.Provisioner, DeletionPolicy: snapshotv1.VolumeSnapshotContentDelete,
	})
	f.Eventually(func(now *testkit.Attempt) { // the simulated KubeVirt writes to it as well
		instance := &kubevirtv1.VirtualMachineInstance{}
		require.NoError(now, f.Client.Get(f.Context(), client.ObjectKeyFromObject(vm), instance))
		instance.Status.Conditions = append(instance.Status.Conditions, kubevirtv1.VirtualMachineInstanceCondition{
			Type: kubevirtv1.VirtualMachineInstanceAgentConnected, Status: corev1.ConditionTrue,
		})
		require.NoError(now, f.Client.Update(f.Context(), instance))
	})
	snapshot := builder.SnapshotOfVM(vm.Namespace, "tuesday", vm.Name, builder.AtLeast(v1alpha1.ConsistencyApplication))
	snapshot.Spec.WukongRef = vm.Spec.WukongRef
	f.Create(snapshot)
	f.Eventually(func(now *testkit.Attempt) {
		taken := &snapshotv1.VolumeSnapshot{}
		require.NoError(now,
			f.Client.Get(f.Context(), client.ObjectKey{Namespace: vm.Namespace, Name: "tuesday-root"}, taken))
		taken.Status = &snapshotv1.VolumeSnapshotStatus{ReadyToUse: ptr.To(true), CreationTime: ptr.To(metav1.Now())}
		require.NoError(now, f.Client.Status().Update(f.Context(), taken))
	})
	waitReady(f, snapshot, v1alpha1.ReasonTaken)
	assert.Equal(f, v1alpha1.ConsistencyApplication, snapshot.Status.Consistency)
}

// cloneOfStopped clones a machine.
func cloneOfStopped(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
	f.Helper()
	clone := builder.CloneOfVM(vm.Namespace, "copy", vm.Name, "web-2")
	clone.Spec.WukongRef = vm.Spec.WukongRef
	f.Create(clone)
	snapshot := model.CloneSnapshotName(clone)
	completeSnapshot(f, &v1alpha1.WukongSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: vm.Namespace, Name: model.Child(snapshot, "root")},
	})
	waitReady(f, clone, v1alpha1.ReasonCloned)
	f.WaitGone(f.Named(snapshot, &v1alpha1.WukongSnapshot{}))
}

// scheduleWithTrial takes a snapshot of a machine, restores it into a guest that starts, and deletes an older snapshot.
func scheduleWithTrial(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
	f.Helper()
	f.Patch(f.Named("tuesday", &v1alpha1.WukongSnapshot{}),
		`{"metadata":{"labels":{"`+v1alpha1.LabelSchedule+`":"nightly"}}}`)
	schedule := builder.Schedule(vm.Namespace, "nightly", vm.Name, "* * * * *", builder.KeepingSnapshots(1),
		builder.DeletingSnapshots,
		builder.TriedAt("* * * * *", func(trial *v1alpha1.TrialRestore) { trial.TimeoutSeconds = ptr.To[int64](86400) }))
	schedule.Spec.WukongRef = vm.Spec.WukongRef
	f.Create(schedule)
	var name string
	f.Eventually(func(now *testkit.Attempt) {
		list := &v1alpha1.WukongSnapshotList{}
		require.NoError(now, f.Client.List(f.Context(), list, client.InNamespace(vm.Namespace)))
		for i := range list.Items {
			if strings.HasPrefix(list.Items[i].Name, "nightly-") {
				name = list.Items[i].Name
			}
		}
		assert.NotEmpty(now, name)
	})
	completeSnapshot(f, &v1alpha1.WukongSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: vm.Namespace, Name: model.Child(name, "root")},
	})
	testkit.WaitCondition(f, schedule, v1alpha1.ConditionTrialPassed, metav1.ConditionTrue, v1alpha1.ReasonTrialPassed, "")
	f.WaitGone(f.Named("tuesday", &v1alpha1.WukongSnapshot{}), f.Named("nightly-trial", &v1alpha1.WukongVM{}))
}

// failedMigration is a migration of which an attempt fails: why, is read from events.
func failedMigration(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
	f.Helper()
	for _, name := range []string{"one", "two"} {
		f.Create(&corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{kubevirtv1.NodeSchedulable: "true"}},
		})
	}
	migration := builder.Migration(vm.Namespace, "move", vm.Name, vm.CreationTimestamp.Add(time.Second))
	migration.Spec.WukongRef = vm.Spec.WukongRef
	f.Create(migration)
	f.Eventually(func(now *testkit.Attempt) {
		require.NoError(now, f.Client.Get(f.Context(), client.ObjectKeyFromObject(migration), migration))
		attempt := &kubevirtv1.VirtualMachineInstanceMigration{}
		require.NoError(now,
			f.Client.Get(f.Context(),
				client.ObjectKey{Namespace: vm.Namespace, Name: migration.Status.MigrationName}, attempt))
		attempt.Status.Phase = kubevirtv1.MigrationFailed
		attempt.Status.PhaseTransitionTimestamps = []kubevirtv1.VirtualMachineInstanceMigrationPhaseTransitionTimestamp{
			{Phase: kubevirtv1.MigrationPending}, {Phase: kubevirtv1.MigrationScheduling},
		}
		require.NoError(now, f.Client.Status().Update(f.Context(), attempt))
	})
	testkit.Wait(f, migration, metav1.ConditionFalse, v1alpha1.ReasonAttemptFailed,
		"attempt 1 of 3 failed: KubeVirt reports no reason")
	f.Patch(migration, `{"spec":{"cancel":true}}`)
	testkit.Wait(f, migration, metav1.ConditionFalse, v1alpha1.ReasonCancelled, "")
}

// completeSnapshot plays the snapshot controller of CSI.
func completeSnapshot(t *testkit.Fixture, snapshot *v1alpha1.WukongSnapshot) {
	t.Helper()
	taken := &snapshotv1.VolumeSnapshot{}
	t.Until(func() bool {
		return t.Client.Get(t.Context(), client.ObjectKeyFromObject(snapshot), taken) == nil
	})
	taken.Status = &snapshotv1.VolumeSnapshotStatus{ReadyToUse: ptr.To(true)}
	require.NoError(t, t.Client.Status().Update(t.Context(), taken))
}

// waitReady waits until an object is ready for the reason.
func waitReady(t *testkit.Fixture, obj client.Object, reason string) {
	t.Helper()
	t.Eventually(func(now *testkit.Attempt) {
		require.NoError(now, t.Client.Get(t.Context(), client.ObjectKeyFromObject(obj), obj))
		ready := meta.FindStatusCondition(obj.(v1alpha1.Object).GetConditions(), v1alpha1.ConditionReady)
		require.NotNil(now, ready)
		assert.Equal(now, "True "+reason, string(ready.Status)+" "+ready.Reason, ready.Message)
	})
}

// waitEmpty waits until a namespace holds no object of a kind.
func waitEmpty(t *testkit.Fixture, namespace string, list client.ObjectList) {
	t.Helper()
	t.Until(func() bool {
		require.NoError(t, t.Client.List(t.Context(), list, client.InNamespace(namespace)))
		return meta.LenList(list) == 0
	}, "%T does not become empty", list)
}

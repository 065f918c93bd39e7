//go:build controlplane

package wukongvm_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
	"github.com/novasphere/wukong/controllers/internal/testkit/steprows"
	"github.com/novasphere/wukong/controllers/wukongvm"
)

// written is what a step writes for the machine withEverything: a resource, and its object.
type written struct {
	resource string
	child    func(name string) client.Object
	// dependents are the steps that are not done while this one cannot be.
	dependents []string
}

var writes = map[string]written{
	"disks": {"wukongdisks", func(name string) client.Object {
		return &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Name: name + "-root"}}
	}, []string{"machine"}},
	"networks": {"wukongnetworks", func(name string) client.Object {
		return &v1alpha1.WukongNetwork{ObjectMeta: metav1.ObjectMeta{Name: name + "-lan"}}
	}, []string{"cloud-init", "policy", "machine"}},
	"cloud-init": {"secrets", func(name string) client.Object {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name + "-cloudinit"}}
	}, []string{"machine"}},
	"policy": {"networkpolicies", func(name string) client.Object {
		return &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: name + "-policy"}}
	}, []string{"machine"}},
	"machine": {"virtualmachines", func(name string) client.Object {
		return &kubevirtv1.VirtualMachine{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}, nil},
	"services": {"services", func(name string) client.Object {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name + "-web"}}
	}, nil},
}

// withEverything is a machine whose pass writes all of writes.
func (f machines) withEverything(name string) *v1alpha1.WukongVM {
	return f.newVM(name,
		builder.Networks(builder.PodInterface("pod"), builder.StampedInterface("lan", builder.OnBridge("br-lan"))),
		builder.Policy(&v1alpha1.TrafficPolicy{DefaultDeny: v1alpha1.TrafficIngress}),
		builder.Services(v1alpha1.VMService{Name: "web", Ports: []v1alpha1.VMServicePort{{Port: 80}}}))
}

type vmRow = steprows.Row[*v1alpha1.WukongVM]

func isMade(f *testkit.Fixture, vm *v1alpha1.WukongVM, step string) bool {
	f.Helper()
	child := writes[step].child(vm.Name)
	return f.Exists(child.GetName(), child)
}

// others checks that all is made but what a step writes, and what depends on that.
func others(step string) func(*testkit.Fixture, *v1alpha1.WukongVM) {
	return func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
		if strings.HasSuffix(vm.Name, "-failed") {
			conditions := testkit.Read(f, vm.Name, vm).Status.Conditions
			assert.False(f, meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionSynchronized), "others act on it")
		}
		for other := range writes {
			if other == step || slices.Contains(writes[step].dependents, other) {
				assert.False(f, isMade(f, vm, other), other)
			} else {
				f.Until(func() bool { return isMade(f, vm, other) }, other)
			}
		}
	}
}

func runs(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
	f.Helper()
	testkit.WaitTrue(f, vm, v1alpha1.ReasonRunning)
}

// begins makes a machine of newVM, in the Wukong shop, with options.
func begins(options func(name string) []builder.VMOption) func(*testkit.Fixture, string) *v1alpha1.WukongVM {
	return func(f *testkit.Fixture, name string) *v1alpha1.WukongVM {
		var changes []builder.VMOption
		if options != nil {
			changes = options(name)
		}
		vm := builder.PartOf("shop", machines{f}.newVM(name, changes...))
		f.Create(vm)
		return vm
	}
}

// rowsOfARunningVM are the steps that write when a user changes a machine that runs.
func rowsOfARunningVM() map[string]vmRow {
	return map[string]vmRow{
		"stop": { // the step machine writes the same object, and is refused, too
			Resource: "virtualmachines", Begin: begins(nil), Settles: runs,
			Act: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) { machines{f}.setPower(vm, v1alpha1.PowerStopped) },
			GoesOn: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				assert.NotEqual(f, v1alpha1.PhaseStopped, testkit.Read(f, vm.Name, vm).Status.Phase, "its guest runs")
				assert.True(f, f.Exists(vm.Name, &kubevirtv1.VirtualMachineInstance{}))
			},
			Heals: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) { testkit.WaitTrue(f, vm, v1alpha1.ReasonStopped) },
		},
		"release": {
			Resource: "wukongdisks", Begin: begins(nil),
			Settles: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				runs(f, vm)
				machines{f}.editDisks(vm, with(blank("data", v1alpha1.DetachDelete))) // a disk that can be unplugged
				machines{f}.waitAttached(vm, "root", "data")
			},
			Act: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) { machines{f}.editDisks(vm, without("data")) },
			GoesOn: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				volumes := testkit.Read(f, vm.Name, &kubevirtv1.VirtualMachine{}).Spec.Template.Spec.Volumes
				assert.False(f, slices.ContainsFunc(volumes, func(volume kubevirtv1.Volume) bool { return volume.Name == "data" }))
				assert.True(f, f.Exists(vm.Name+"-data", &v1alpha1.WukongDisk{}))
			},
			Heals: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				f.WaitGone(&v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Name: vm.Name + "-data"}})
				runs(f, vm)
			},
		},
		"hold": {
			Resource: "virtualmachineinstances", Settles: runs,
			Begin: func(f *testkit.Fixture, name string) *v1alpha1.WukongVM {
				f.Create(builder.Disk(f.Namespace, name+"-data", builder.OnClass(testenv.DefaultStorageClass)))
				vm := builder.VM(f.Namespace, name, builder.Attached(name+"-data"))
				f.Create(vm)
				return vm
			},
			Act: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				disk := testkit.Read(f, vm.Name+"-data", &v1alpha1.WukongDisk{})
				f.Patch(disk, fmt.Sprintf(`{"spec":{"storageClassName":%q}}`, slow))
			},
			GoesOn: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				for _, volume := range testkit.Read(f, vm.Name, &kubevirtv1.VirtualMachine{}).Spec.Template.Spec.Volumes {
					if volume.DataVolume != nil {
						assert.Equal(f, vm.Name+"-data", volume.DataVolume.Name, "KubeVirt could begin a migration that fails")
					}
				}
			},
			Heals: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				testkit.WaitUntil(f, testkit.Read(f, vm.Name+"-data", &v1alpha1.WukongDisk{}),
					func(now *testkit.Attempt, disk *v1alpha1.WukongDisk) {
						assert.Equal(now, slow, disk.Status.StorageClassName)
						assert.Nil(now, disk.Status.Move)
					})
				runs(f, vm)
			},
		},
	}
}

// asksRestore plays the controller of WukongSnapshots and the storage, and requests a restore of a machine of newVM.
func asksRestore(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
	f.Helper()
	m := mover{machines{f}, vm}
	m.Create(builder.SnapshotOfVM(f.Namespace, vm.Name+"-cut", vm.Name))
	m.cutDisk(vm.Name+"-cut-root", vm.Name+"-root")
	snapshot := testkit.Read(f, vm.Name+"-cut", &v1alpha1.WukongSnapshot{})
	snapshot.Status.Disks = []v1alpha1.SnapshotDiskStatus{
		{Name: "root", DiskName: vm.Name + "-root", VolumeSnapshotName: vm.Name + "-cut-root"},
	}
	m.took(snapshot)
	m.askFrom(vm.Name+"-cut", "")
}

// rowsOfARestore are the steps that write when the disks of a machine that runs are to be restored.
func rowsOfARestore() map[string]vmRow {
	return map[string]vmRow{
		"restore-request": {
			Resource: "wukongvms", Begin: begins(nil), Settles: runs, Act: asksRestore,
			GoesOn: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				assert.Nil(f, testkit.Read(f, vm.Name, vm).Status.Restore, "nobody else may know of it before it is marked")
				assert.Equal(f, v1alpha1.PhaseRunning, vm.Status.Phase)
			},
			Heals: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				mover{machines{f}, vm}.waitRestore(v1alpha1.RestoreSafety)
			},
		},
		"safety-snapshot": {
			Resource: "wukongsnapshots", Begin: begins(nil), Settles: runs, Act: asksRestore,
			GoesOn: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				assert.Equal(f, vm.Name+"-root", testkit.Read(f, vm.Name+"-root", &v1alpha1.WukongDisk{}).Status.ClaimName,
					"no disk is replaced before the snapshot was taken")
				assert.False(f, f.Exists(vm.Name, &kubevirtv1.VirtualMachineInstance{}))
			},
			Heals: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				m := mover{machines{f}, vm}
				name := m.waitRestore(v1alpha1.RestoreSafety).Status.Restore.SafetySnapshotName
				m.Until(func() bool { return m.Exists(name, &v1alpha1.WukongSnapshot{}) })
				m.took(testkit.Read(f, name, &v1alpha1.WukongSnapshot{}))
				runs(f, vm)
				m.waitRestore(v1alpha1.RestoreSucceeded)
			},
		},
	}
}

// rowsOfANewVM are the steps that write when a machine is made.
func rowsOfANewVM() map[string]vmRow {
	rows := map[string]vmRow{
		"metadata": {
			Resource: "wukongvms", Begin: begins(nil),
			GoesOn: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				f.Until(func() bool { return isMade(f, vm, "machine") }, "its guest needs no Wukong")
			},
			Heals: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				runs(f, vm)
				assert.Len(f, vm.OwnerReferences, 1, "it is deleted with its Wukong")
			},
		},
		"addresses": {
			Resource: "wukongaddresses", Names: "WukongAddress ",
			Begin: begins(func(string) []builder.VMOption { return []builder.VMOption{on("pool")} }),
			GoesOn: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				f.Until(func() bool { return isMade(f, vm, "disks") })
				assert.False(f, isMade(f, vm, "cloud-init"), "it names the address")
				assert.False(f, isMade(f, vm, "machine"))
			},
			Heals: runs,
		},
		"attachments": {
			Resource: "network-attachment-definitions",
			Begin: begins(func(string) []builder.VMOption {
				limited := builder.Interface("front", "plain")
				limited.Bandwidth = &v1alpha1.Bandwidth{Egress: ptr.To(resource.MustParse("10M"))}
				return []builder.VMOption{builder.Networks(limited)}
			}),
			GoesOn: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
				f.Until(func() bool { return isMade(f, vm, "cloud-init") })
				assert.False(f, isMade(f, vm, "machine"), "its guest would not be limited")
			},
			Heals: runs,
		},
	}
	for step, one := range writes {
		rows[step] = vmRow{
			Resource: one.resource, GoesOn: others(step), Heals: runs,
			Begin: func(f *testkit.Fixture, name string) *v1alpha1.WukongVM {
				vm := machines{f}.withEverything(name)
				f.Create(vm)
				return vm
			},
		}
	}
	services := rows["services"]
	services.Condition = v1alpha1.ConditionServicesReady
	rows["services"] = services
	return rows
}

// A step that is refused, or fails, is reported on the machine. It stops what needs it and nothing else, and the
// machine recovers by itself.
func TestEachStepIsRefusedAndFails(t *testing.T) {
	f := machines{newMachines(t).Enforcing("Enforced").Running("wukongvm", "wukongdisk", "wukongnetwork", "wukongaddress")}
	f.Simulate()
	for _, name := range []string{"node-1", "node-2"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{kubevirtv1.NodeSchedulable: "true"},
		}}
		require.NoError(f, client.IgnoreAlreadyExists(f.Client.Create(f.Context(), node)))
	}
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: slow}, Provisioner: testenv.Provisioner}
	require.NoError(f, client.IgnoreAlreadyExists(f.Client.Create(f.Context(), class)))
	f.Create(builder.Wukong(f.Namespace, "shop"), f.bridge("plain", builder.Subnet("10.9.0.0/24")))
	f.newPool("pool", "10.60.77.1", "10.60.77.9")
	rows := rowsOfANewVM()
	maps.Copy(rows, rowsOfARunningVM())
	maps.Copy(rows, rowsOfARestore())
	faults := steprows.Run(t, f.Fixture, steprows.Table[*v1alpha1.WukongVM]{
		Steps: wukongvm.Steps, Rows: rows,
		WriteNothing: map[string]string{"resolve": "it decides again"},
		Wake: func(f *testkit.Fixture, vm *v1alpha1.WukongVM) {
			f.Patch(vm, `{"spec":{"terminationGracePeriodSeconds":1}}`)
		},
	})
	for step := range writes {
		if step != "machine" {
			t.Run(step+" keep no machine from stopping", func(t *testing.T) { f.in(t).stopsWithout(step, faults) })
		}
	}
}

// stopsWithout checks that a machine stops while the write of a step is refused.
func (f machines) stopsWithout(step string, faults *testenv.Faults) {
	vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: step + "-refused"}}
	faults.Refuse(writes[step].resource, vm.Name)
	testkit.Edit(f, vm, func(after *v1alpha1.WukongVM) {
		labels := map[string]string{"tier": "web"}
		after.Spec.PowerState = v1alpha1.PowerStopped
		after.Spec.Disks[0].Template.Labels, after.Spec.Networks[1].Template.Labels = labels, labels
		after.Spec.CloudInit = &v1alpha1.CloudInit{Hostname: "other"}
		after.Spec.Policy.DefaultDeny, after.Spec.Services[0].Ports[0].Port = v1alpha1.TrafficBoth, 81
	})
	f.Until(func() bool {
		machine := testkit.Read(f, vm.Name, &kubevirtv1.VirtualMachine{})
		return machine.Spec.RunStrategy != nil && *machine.Spec.RunStrategy == kubevirtv1.RunStrategyHalted
	})
	if step == "services" {
		f.waitServices(vm, metav1.ConditionFalse, v1alpha1.ReasonApplyRefused)
	} else {
		testkit.WaitCondition(f, vm, v1alpha1.ConditionSynchronized, metav1.ConditionFalse, v1alpha1.ReasonApplyRefused,
			"by a test: "+writes[step].resource)
	}
}

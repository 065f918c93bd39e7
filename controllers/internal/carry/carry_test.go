package carry

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
)

// update rewrites the golden files.
var update = flag.Bool("update", false, "rewrite testdata")

// Whoever adds a field to WukongVMSpec decides here whether a clone has it.
func TestEachFieldOfAWukongVMIsClassified(t *testing.T) {
	spec := reflect.TypeFor[v1alpha1.WukongVMSpec]()
	for i := range spec.NumField() {
		assert.Contains(t, fields, spec.Field(i).Name, "a clone loses it: list it in fields")
	}
	for name, treatment := range fields {
		if _, exists := spec.FieldByName(name); treatment != dropped {
			assert.True(t, exists, "%s is not a field", name)
		}
	}
}

// A field that is carried has the value of the source, and one that is dropped has none.
func TestWhatIsCarried(t *testing.T) {
	vm, found := inputs(nil).Machine()
	require.Nil(t, found)
	source, made := reflect.ValueOf(source().Spec), reflect.ValueOf(vm.Spec)
	for name, treatment := range fields {
		field := made.FieldByName(name)
		switch {
		case !field.IsValid():
		case treatment == carried:
			assert.Equal(t, source.FieldByName(name).Interface(), field.Interface(), name)
		case treatment == dropped:
			assert.True(t, field.IsZero(), name)
		}
	}
}

// source is a WukongVM that has something of everything.
func source() *v1alpha1.WukongVM {
	vm := builder.VM("shop", "web", builder.Cores(2), builder.Login("admin", "passwords", "admin"),
		builder.Disks(
			builder.DiskTemplate("root", builder.OnClass("ancient"),
				builder.FromHTTP("http://images.example/debian.qcow2"),
				builder.CloneableFrom("lab"), builder.Protected),
			builder.DiskReference("data", "archive"), builder.DiskReference("quorum", "cluster"), cdrom(),
		),
		builder.Networks(
			v1alpha1.VMNetwork{Name: "pod", Pod: &v1alpha1.PodNetwork{}},
			v1alpha1.VMNetwork{
				Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"}, MACAddress: "02:00:00:00:00:11",
				AddressMode: v1alpha1.AddressDHCP, KeepAddresses: ptr.To(true),
			},
		),
		builder.Services(v1alpha1.VMService{
			Name: "ssh", Type: v1alpha1.ServiceNodePort, Ports: []v1alpha1.VMServicePort{{Port: 22, NodePort: 30022}},
			Annotations: map[string]string{"external-dns.alpha.kubernetes.io/hostname": "web.example.org"},
		}),
	)
	vm.UID = "11111111-2222-4333-8444-555555555555"
	vm.Labels = map[string]string{
		"tier": "front", "app.kubernetes.io/instance": "shop", v1alpha1.LabelManagedBy: "Helm",
		v1alpha1.GroupName + "/mark": "1",
	}
	vm.Annotations = map[string]string{
		"note": "kept", "argocd.argoproj.io/tracking-id": "shop", v1alpha1.AnnotationClonedBy: "earlier/1",
	}
	vm.Spec.WukongRef = &v1alpha1.LocalObjectReference{Name: "shop"}
	vm.Spec.RestartPolicy = v1alpha1.RestartOnFailure
	vm.Spec.Firmware = &v1alpha1.Firmware{Bootloader: v1alpha1.BootloaderUEFI, Serial: "web-1"}
	vm.Spec.CloudInit.Hostname, vm.Spec.CloudInit.Timezone = "web.example.org", "Europe/Vienna"
	vm.Spec.Scheduling = &v1alpha1.Scheduling{Labels: map[string]string{"app": "web"}}
	vm.Spec.GPUs = []v1alpha1.GPU{{Name: "gpu", DeviceName: "nvidia.com/T4"}}
	vm.Spec.Policy = &v1alpha1.TrafficPolicy{}
	vm.Spec.CloneableFrom = []string{"lab"}
	return vm
}

func cdrom() v1alpha1.VMDisk {
	drive := builder.DiskReference("iso", "debian-iso")
	drive.Type = v1alpha1.DiskTypeCDROM
	return drive
}

func live(name string, options ...builder.DiskOption) *v1alpha1.WukongDisk {
	return builder.Disk("shop", name, options...)
}

// snapshot of the source, which leaves out what is shared and what is a drive.
func snapshot() *v1alpha1.WukongSnapshot {
	return &v1alpha1.WukongSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "monday"},
		Status: v1alpha1.WukongSnapshotStatus{
			Disks: []v1alpha1.SnapshotDiskStatus{
				{Name: "root", DiskName: "web-root", Size: ptr.To(resource.MustParse("3Gi")), StorageClassName: "fast"},
				{Name: "data", DiskName: "archive", RestoreSize: ptr.To(resource.MustParse("2Gi")),
					StorageClassName: "fast"},
			},
			Excluded: []v1alpha1.SnapshotExcludedDisk{
				{Name: "quorum", Reason: "the disk is shared"}, {Name: "iso", Reason: "it is a drive"},
			},
		},
	}
}

func inputs(change func(*v1alpha1.WukongClone), options ...builder.CloneOption) Inputs {
	clone := builder.CloneOfSnapshot("shop", "copy", "monday", "web-2", options...)
	clone.UID = "99999999-2222-4333-8444-555555555555"
	if change != nil {
		change(clone)
	}
	vm := source()
	disks := LiveDisks{
		"archive": live("archive", builder.Reclaim(v1alpha1.ReclaimRetain)), "cluster": live("cluster", builder.Shared),
	}
	return Inputs{Clone: clone, Source: vm, Snapshot: "monday", Disks: Recorded(vm, snapshot(), disks)}
}

// The manifests of whole clones: a person reads these files to see what a clone is.
func TestClonesGolden(t *testing.T) {
	for name, in := range map[string]Inputs{
		"renew": inputs(nil),
		"keep": inputs(func(clone *v1alpha1.WukongClone) {
			clone.Spec.Identity, clone.Spec.PowerState = v1alpha1.IdentityKeep, v1alpha1.PowerRunning
			clone.Spec.OnDelete = v1alpha1.CloneDeletionDelete
		}),
		// As a trial of a WukongSnapshotSchedule.
		"isolated": inputs(func(clone *v1alpha1.WukongClone) {
			clone.Spec.Identity, clone.Spec.PowerState = v1alpha1.IdentityKeep, v1alpha1.PowerRunning
			clone.Spec.OnDelete = v1alpha1.CloneDeletionDelete
			clone.Spec.Disks = []v1alpha1.CloneDisk{{Name: "quorum", Action: v1alpha1.CloneActionOmit}}
			clone.Spec.Overrides = &v1alpha1.CloneOverrides{Isolated: ptr.To(true)}
		}),
		"overrides": inputs(func(clone *v1alpha1.WukongClone) {
			clone.Namespace, clone.Spec.WukongRef = "lab", &v1alpha1.LocalObjectReference{Name: "lab"}
			clone.Spec.Disks = []v1alpha1.CloneDisk{
				{Name: "root", Size: ptr.To(resource.MustParse("9Gi")), StorageClassName: "slow"},
				{Name: "data", Action: v1alpha1.CloneActionBlank}, {Name: "quorum", Action: v1alpha1.CloneActionOmit},
			}
			clone.Spec.Overrides = &v1alpha1.CloneOverrides{
				CPU: &v1alpha1.CPU{Cores: 1}, Memory: &v1alpha1.Memory{Guest: resource.MustParse("64Mi")},
				Hostname: "lab",
				Labels:   map[string]string{"tier": "test"}, Scheduling: &v1alpha1.Scheduling{SchedulerName: "lab"},
				Networks: []v1alpha1.VMNetwork{
					{
						Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lab"},
						Addresses: []v1alpha1.InterfaceAddress{"10.0.0.9/24"},
					},
					{Name: "extra", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lab"}},
				},
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			vm, found := in.Machine()
			require.Nil(t, found)
			content, err := yaml.Marshal(map[string]any{"metadata": vm.ObjectMeta, "spec": vm.Spec})
			require.NoError(t, err)
			path := filepath.Join("testdata", name+".yaml")
			if *update {
				require.NoError(t, os.WriteFile(path, content, 0o644))
			}
			wanted, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(wanted), string(content))
		})
	}
}

// Services, spread rules and the scheduler must not take the pod of an isolated guest for that of its source. Where it
// may run stays.
func TestThePodOfAnIsolatedGuest(t *testing.T) {
	in := inputs(func(clone *v1alpha1.WukongClone) {
		clone.Spec.Disks = []v1alpha1.CloneDisk{{Name: "quorum", Action: v1alpha1.CloneActionOmit}}
		clone.Spec.Overrides = &v1alpha1.CloneOverrides{Isolated: ptr.To(true)}
	})
	in.Source.Spec.Scheduling = &v1alpha1.Scheduling{
		Labels: map[string]string{"app": "web"}, Annotations: map[string]string{"scrape": "yes"}, PriorityClassName: "high",
		NodeSelector: map[string]string{"zone": "a"},
	}
	vm, found := in.Machine()
	require.Nil(t, found)
	assert.Equal(t, &v1alpha1.Scheduling{NodeSelector: map[string]string{"zone": "a"}}, vm.Spec.Scheduling)
	assert.Equal(t, "high", in.Source.Spec.Scheduling.PriorityClassName, "the source stays as it is")
}

// Each disk that cannot be made is reported, with the way out.
func TestDisksThatCannotBeMade(t *testing.T) {
	choose := func(name string, action v1alpha1.CloneAction) func(*v1alpha1.WukongClone) {
		return func(clone *v1alpha1.WukongClone) {
			clone.Spec.Disks = []v1alpha1.CloneDisk{{Name: name, Action: action}}
		}
	}
	for name, test := range map[string]struct {
		change  func(*v1alpha1.WukongClone)
		message string
	}{
		"unknown": {choose("roof", ""),
			"disks lists roof, and WukongVM web has no such disk in spec.disks (it has: root, data, quorum, iso)"},
		"the snapshot lacks it": {choose("quorum", v1alpha1.CloneActionClone),
			"the snapshot does not contain disk quorum (the disk is shared): set disks[].action of it to Omit " +
				"or Blank"},
		"not shared":    {choose("data", v1alpha1.CloneActionShare), "disk data is not shared"},
		"drive, copied": {choose("iso", v1alpha1.CloneActionClone), "disk iso is a CD-ROM drive"},
		"elsewhere": {func(clone *v1alpha1.WukongClone) { clone.Namespace = "lab" },
			"disk quorum is in namespace shop, and only WukongVMs of that namespace can share it"},
		"isolated from those who share it": {func(clone *v1alpha1.WukongClone) {
			clone.Spec.Overrides = &v1alpha1.CloneOverrides{Isolated: ptr.To(true)}
		}, "disk quorum is shared with other guests, and overrides.isolated keeps the clone apart from them"},
		"too small": {func(clone *v1alpha1.WukongClone) {
			clone.Spec.Disks = []v1alpha1.CloneDisk{{Name: "root", Size: ptr.To(resource.MustParse("1Gi"))}}
		}, "disks[].size of disk root is 1Gi, and the disk has 3Gi: set it to that or more"},
	} {
		t.Run(name, func(t *testing.T) {
			vm, found := inputs(test.change).Machine()
			require.NotNil(t, found)
			assert.Nil(t, vm)
			assert.Equal(t, v1alpha1.ReasonInvalidSpec, found.Reason)
			assert.Contains(t, found.Message, test.message)
			assert.Contains(t, found.Message, "create another WukongClone")
		})
	}
}

// Wukong writes the clone with its own rights. A user does not get by a clone what only an administrator may write.
func TestNobodyGetsAnUnrestrictedNetworkByAClone(t *testing.T) {
	in := inputs(nil)
	stamped := builder.StampedInterface("uplink", builder.OnBridge("br0"), builder.Unrestricted)
	in.Source.Spec.Networks = append(in.Source.Spec.Networks, stamped)
	_, found := in.Machine()
	require.NotNil(t, found)
	assert.Equal(t, v1alpha1.ReasonHostAccessDenied, found.Reason)
	assert.Contains(t, found.Message, "hostAccess Unrestricted on uplink")

	in.Clone.Spec.Overrides = &v1alpha1.CloneOverrides{Networks: []v1alpha1.VMNetwork{builder.Interface("uplink", "lan")}}
	vm, found := in.Machine()
	require.Nil(t, found)
	for i := range vm.Spec.Networks {
		assert.Nil(t, vm.Spec.Networks[i].Template)
	}
}

func TestIdentity(t *testing.T) {
	in := inputs(nil)
	in.Source.Spec.Networks[1].AddressMode = ""
	in.Source.Spec.Networks[1].Addresses = []v1alpha1.InterfaceAddress{"192.168.7.5/24"}
	_, found := in.Machine()
	require.NotNil(t, found)
	assert.Equal(t, v1alpha1.ReasonAddressWouldClash, found.Reason)
	assert.Contains(t, found.Message, "has static addresses on lan, which the source has, too")

	in.Clone.Spec.Identity = v1alpha1.IdentityKeep
	vm, found := in.Machine()
	require.Nil(t, found)
	addresses := []v1alpha1.WukongAddress{
		{Spec: v1alpha1.WukongAddressSpec{Address: "192.168.7.5"}},
		{Spec: v1alpha1.WukongAddressSpec{Address: "192.168.7.9"}},
		{Spec: v1alpha1.WukongAddressSpec{MACAddress: "02:00:00:00:00:11"}},
	}
	assert.Equal(t, []string{"02:00:00:00:00:11", "192.168.7.5"}, Held(vm, addresses))

	in = inputs(nil)
	in.Source.Spec.Networks, in.Clone.Spec.Identity = nil, v1alpha1.IdentityKeep
	vm, found = in.Machine()
	require.Nil(t, found)
	require.Len(t, vm.Spec.Networks, 1)
	assert.NotEmpty(t, vm.Spec.Networks[0].MACAddress, "the implicit interface has an address, too")

	in = inputs(nil, builder.CloneOverrides(&v1alpha1.CloneOverrides{Hostname: "lab"}))
	in.Source.Spec.CloudInit = &v1alpha1.CloudInit{
		UserDataSecretRef: &v1alpha1.SecretKeyReference{Name: "data", Key: "user"},
	}
	_, found = in.Machine()
	require.NotNil(t, found)
	assert.Contains(t, found.Message, "overrides.hostname cannot be set")
	in.Clone.Spec.Overrides = nil
	vm, found = in.Machine()
	require.Nil(t, found)
	assert.Equal(t, v1alpha1.MachineIDNotRenewed, MachineID("", &vm.Spec))
	assert.Equal(t, v1alpha1.MachineIDKept, MachineID(v1alpha1.IdentityKeep, &vm.Spec))
	assert.Equal(t, References{
		Networks: []string{"lan"}, Secrets: []string{"data"}, NewDisks: []string{"web-2-root", "web-2-data"},
	}, ReferencesOf(vm))
}

// The garbage collector deletes an object when all of its owners are deleted: with onDelete Delete there is only one.
func TestAResultHasOneOwner(t *testing.T) {
	shop := &v1alpha1.LocalObjectReference{Name: "shop"}
	for onDelete, wanted := range map[v1alpha1.CloneDeletion]*v1alpha1.LocalObjectReference{
		"": shop, v1alpha1.CloneDeletionKeep: shop, v1alpha1.CloneDeletionDelete: nil,
	} {
		in := inputs(func(clone *v1alpha1.WukongClone) {
			clone.Spec.OnDelete, clone.Spec.WukongRef = onDelete, shop
		})
		vm, found := in.Machine()
		require.Nil(t, found)
		assert.Equal(t, wanted, vm.Spec.WukongRef, onDelete)
		in.Clone.Spec.Disks = nil
		disk, found := FromDisk(in.Clone, live("archive", builder.Size("1Gi")))
		require.Nil(t, found)
		assert.Equal(t, wanted, disk.Spec.WukongRef, onDelete)
	}
}

// Annotations of Services name addresses and DNS names, which only one WukongVM can have.
func TestAnnotationsOfServices(t *testing.T) {
	in := inputs(nil)
	vm, found := in.Machine()
	require.Nil(t, found)
	assert.Empty(t, vm.Spec.Services[0].Annotations)
	in.Clone.Spec.Identity = v1alpha1.IdentityKeep
	vm, found = in.Machine()
	require.Nil(t, found)
	assert.Equal(t, in.Source.Spec.Services[0].Annotations, vm.Spec.Services[0].Annotations)
	assert.NotEmpty(t, vm.Spec.Services[0].Annotations)
}

// Before the snapshot is taken, all that it is asked for is expected in it.
func TestWhatASnapshotIsAskedFor(t *testing.T) {
	in := inputs(nil)
	in.Disks = Expected(in.Source, LiveDisks{"cluster": live("cluster", builder.Shared)})
	assert.Equal(t, []string{"root", "data"}, in.Snapshotted())
	in.Clone.Spec.Disks = []v1alpha1.CloneDisk{{Name: "quorum", Action: v1alpha1.CloneActionClone},
		{Name: "data", Action: v1alpha1.CloneActionBlank}}
	assert.Equal(t, []string{"root", "quorum"}, in.Snapshotted())
}

// A WukongDisk is cloned with its spec, but for what belongs to it alone.
func TestSingleDisks(t *testing.T) {
	clone := builder.CloneOfDisk("lab", "copy", "archive", "archive-2")
	disk := live("archive", builder.CloneableFrom("lab"), builder.Reclaim(v1alpha1.ReclaimRetain), builder.Protected)
	disk.Annotations = map[string]string{v1alpha1.AnnotationFilled: "archive"}
	made, found := FromDisk(clone, disk)
	require.Nil(t, found)
	assert.Equal(t, &v1alpha1.DiskCloneSource{Kind: "WukongDisk", Namespace: "shop", Name: "archive"},
		made.Spec.Source.Clone)
	assert.Equal(t, v1alpha1.ReclaimRetain, made.Spec.ReclaimPolicy)
	assert.Empty(t, made.Spec.CloneableFrom)
	assert.Nil(t, made.Spec.DeletionProtection)
	assert.Equal(t, map[string]string{
		v1alpha1.AnnotationClonedBy: Mark(clone), v1alpha1.AnnotationClonedFrom: "WukongDisk/lab/archive",
	}, made.Annotations)

	taken := builder.Snapshot("shop", "monday", "archive")
	taken.Status.Disks = []v1alpha1.SnapshotDiskStatus{
		{Name: "archive", RestoreSize: ptr.To(resource.MustParse("3Gi"))},
	}
	made, found = FromSnapshot(clone, taken, nil)
	require.Nil(t, found)
	assert.Equal(t, "3Gi", made.Spec.Size.String())
	taken.Status.Disks[0].RestoreSize = nil
	_, found = FromSnapshot(clone, taken, nil)
	require.NotNil(t, found)
	assert.Contains(t, found.Message, "the size of disk archive is not known: set disks[].size of it")
	clone.Spec.Disks = []v1alpha1.CloneDisk{{Name: "roof"}}
	_, found = FromDisk(clone, disk)
	require.NotNil(t, found)
	assert.Contains(t, found.Message, "disks lists roof, and the source is the disk archive")
}

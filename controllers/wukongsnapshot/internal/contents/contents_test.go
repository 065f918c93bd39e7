package contents

import (
	"testing"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// disk is a WukongDisk that is complete and attached to web.
func disk(name string, changes ...func(*v1alpha1.WukongDisk)) *v1alpha1.WukongDisk {
	made := &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.WukongDiskSpec{Size: ptr.To(resource.MustParse("1Gi"))},
		Status: v1alpha1.WukongDiskStatus{ClaimName: name + "-claim", AttachedTo: "web", StorageClassName: "fast",
			Conditions: []metav1.Condition{
				{Type: v1alpha1.ConditionComplete, Status: metav1.ConditionTrue},
				{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Message: "as it should be"},
			}},
	}
	for _, change := range changes {
		change(made)
	}
	return made
}

func refers(name string) v1alpha1.VMDisk {
	return v1alpha1.VMDisk{Name: name, Type: v1alpha1.DiskTypeDisk, DiskRef: &v1alpha1.LocalObjectReference{Name: name}}
}

func class(name, driver string, isDefault bool) snapshotv1.VolumeSnapshotClass {
	made := snapshotv1.VolumeSnapshotClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Driver: driver}
	if isDefault {
		made.Annotations = map[string]string{annotationDefault: "true"}
	}
	return made
}

// inputs are a WukongVM web with a root disk that it stamped, a data disk that it refers to, an empty drive, a medium
// and a shared disk.
func inputs(changes ...func(*Inputs)) Inputs {
	medium := refers("medium")
	medium.Type = v1alpha1.DiskTypeCDROM
	in := Inputs{
		Snapshot: "monday",
		VM: &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: "web"},
			Spec: v1alpha1.WukongVMSpec{Disks: []v1alpha1.VMDisk{
				{Name: "root", Type: v1alpha1.DiskTypeDisk, Template: &v1alpha1.DiskTemplate{}},
				refers("data"), {Name: "drive", Type: v1alpha1.DiskTypeCDROM}, medium, refers("quorum"),
			}}},
		Disks: map[string]*v1alpha1.WukongDisk{
			"web-root": disk("web-root"), "data": disk("data"), "medium": disk("medium"),
			"quorum": disk("quorum", func(d *v1alpha1.WukongDisk) {
				d.Spec.Shared, d.Status.AttachedTo = ptr.To(true), ""
			}),
		},
		StorageClasses: map[string]*storagev1.StorageClass{
			"fast": {ObjectMeta: metav1.ObjectMeta{Name: "fast"}, Provisioner: "csi.example"},
			"old":  {ObjectMeta: metav1.ObjectMeta{Name: "old"}, Provisioner: "kubernetes.io/aws-ebs"},
			"nfs":  {ObjectMeta: metav1.ObjectMeta{Name: "nfs"}, Provisioner: "nfs.example"},
		},
		Classes: []snapshotv1.VolumeSnapshotClass{class("usual", "csi.example", true),
			class("slow", "csi.example", false), class("other", "other.example", true)},
	}
	for _, change := range changes {
		change(&in)
	}
	return in
}

func TestWhatASnapshotHolds(t *testing.T) {
	decided, found := inputs().Decide()
	require.Nil(t, found)
	assert.Equal(t, []v1alpha1.SnapshotDiskStatus{
		{Name: "root", DiskName: "web-root", ClaimName: "web-root-claim", Size: ptr.To(resource.MustParse("1Gi")),
			StorageClassName: "fast", VolumeSnapshotName: "monday-root"},
		{Name: "data", DiskName: "data", ClaimName: "data-claim", Size: ptr.To(resource.MustParse("1Gi")),
			StorageClassName: "fast", VolumeSnapshotName: "monday-data"},
	}, decided.Disks)
	var excluded []string
	for _, one := range decided.Excluded {
		excluded = append(excluded, one.Name+": "+one.Reason)
	}
	assert.Equal(t, []string{
		"drive: the drive is empty", "medium: a guest does not write to the medium of a CD-ROM drive",
		"quorum: the disk is shared, and other guests that write to it cannot be frozen",
	}, excluded)

	decided, found = inputs(func(in *Inputs) { in.Selected = []string{"quorum", "root"} }).Decide()
	require.Nil(t, found)
	require.Len(t, decided.Disks, 2)
	assert.Equal(t, "quorum", decided.Disks[1].Name, "a shared disk that is asked for")
	require.Len(t, decided.Excluded, 3)
	assert.Equal(t, "data", decided.Excluded[0].Name)
}

func TestWhyASnapshotIsNotTaken(t *testing.T) {
	of := func(name string, change func(*v1alpha1.WukongDisk)) func(*Inputs) {
		return func(in *Inputs) { in.Disks[name] = disk(name, change) }
	}
	for name, row := range map[string]struct {
		change         func(*Inputs)
		reason, phrase string
	}{
		"unknown disk": {func(in *Inputs) { in.Selected = []string{"roof"} }, v1alpha1.ReasonInvalidSpec,
			"lists roof, which WukongVM web does not have in spec.disks (it has: root, data,"},
		"an empty drive": {func(in *Inputs) { in.Selected = []string{"drive"} }, v1alpha1.ReasonInvalidSpec,
			"lists drive, of which no snapshot is taken: the drive is empty"},
		"a medium": {func(in *Inputs) { in.Selected = []string{"medium"} },
			v1alpha1.ReasonInvalidSpec, "CD-ROM"},
		"nothing to hold": {func(in *Inputs) { in.VM.Spec.Disks = in.VM.Spec.Disks[2:4] }, v1alpha1.ReasonInvalidSpec,
			"has no disk that a snapshot can contain"},
		"no disk yet": {func(in *Inputs) { delete(in.Disks, "web-root") }, v1alpha1.ReasonSourceMissing,
			"WukongDisk web-root, disk root of WukongVM web, does not exist"},
		"a disk that goes": {of("data", func(d *v1alpha1.WukongDisk) { d.DeletionTimestamp = ptr.To(metav1.Now()) }),
			v1alpha1.ReasonSourceMissing, "is being deleted"},
		"not complete": {
			of("data", func(d *v1alpha1.WukongDisk) { d.Status.Conditions = d.Status.Conditions[1:] }),
			v1alpha1.ReasonSourceNotReady, "WukongDisk data: as it should be",
		},
		"it moves": {
			of("data", func(d *v1alpha1.WukongDisk) { d.Status.Move = &v1alpha1.DiskMove{TargetClaimName: "x"} }),
			v1alpha1.ReasonBusy, "WukongDisk data moves",
		},
		"attached to other": {of("data", func(d *v1alpha1.WukongDisk) { d.Status.AttachedTo = "db" }),
			v1alpha1.ReasonSourceNotReady, `not attached to WukongVM web but to "db"`},

		"storage without snapshots": {of("data", func(d *v1alpha1.WukongDisk) { d.Status.StorageClassName = "nfs" }),
			v1alpha1.ReasonSnapshotUnsupported,
			"disk data (WukongDisk data) is on StorageClass nfs, for whose driver nfs.example the cluster has no " +
				"VolumeSnapshotClass"},
		"no default": {func(in *Inputs) { in.Classes = in.Classes[1:] }, v1alpha1.ReasonSnapshotUnsupported,
			"0 default VolumeSnapshotClasses, where it needs one: name one of these in volumeSnapshotClassName: slow"},
		"two defaults": {func(in *Inputs) { in.Classes[1] = class("slow", "csi.example", true) },
			v1alpha1.ReasonSnapshotUnsupported,
			"2 default VolumeSnapshotClasses, where it needs one: name one of these in volumeSnapshotClassName: " +
				"slow, usual"},
		"a class that is not there": {func(in *Inputs) { in.ClassName = "gone" }, v1alpha1.ReasonSnapshotUnsupported,
			"VolumeSnapshotClass gone does not exist: name one of these in volumeSnapshotClassName: slow, usual"},
		"a class of another driver": {func(in *Inputs) { in.ClassName = "other" },
			v1alpha1.ReasonSnapshotUnsupported, "VolumeSnapshotClass other is for other.example"},
		"a class that is not the best": {func(in *Inputs) { in.ClassName = "slow" }, "", ""},
		"an in-tree class": {
			of("data", func(d *v1alpha1.WukongDisk) { d.Status.StorageClassName = "old" }), "", "",
		},
		"a claim without a class": {
			of("data", func(d *v1alpha1.WukongDisk) { d.Status.StorageClassName = "" }), "", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			decided, found := inputs(row.change).Decide()
			if row.reason == "" {
				assert.Nil(t, found)
				assert.Len(t, decided.Disks, 2)
				return
			}
			require.NotNil(t, found)
			assert.Equal(t, row.reason, found.Reason)
			assert.Contains(t, found.Message, row.phrase)
			assert.Equal(t, v1alpha1.OperationPending, found.Phase)
		})
	}
}

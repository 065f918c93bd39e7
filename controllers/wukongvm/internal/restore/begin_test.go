package restore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/restore"
)

func notReady(conditions []metav1.Condition, message string) {
	conditions[0].Status, conditions[0].Message = metav1.ConditionFalse, message
}

// of changes a disk.
func of(name string, change func(*v1alpha1.WukongDisk)) change {
	return func(in *restore.Inputs) { change(in.Disks["web-"+name]) }
}

func only(names ...string) change {
	return func(in *restore.Inputs) { in.VM.Spec.Restore.Disks = names }
}

// inSnapshot are the WukongDisks that the snapshot contains.
func inSnapshot(disks ...string) change {
	return func(in *restore.Inputs) {
		in.Snapshot.Status.Disks = nil
		for _, name := range disks {
			in.Snapshot.Status.Disks = append(in.Snapshot.Status.Disks, v1alpha1.SnapshotDiskStatus{
				Name: "disk", DiskName: name, VolumeSnapshotName: "cut-" + name,
			})
		}
	}
}

// obstacle is a row of a restore that does not begin. The guest is not touched, and Wukong looks again.
func obstacle(condition string, changes ...change) row {
	return row{changes, pending, "False " + condition, "", 30 * time.Second, false}
}

func TestWhatPreventsARestore(t *testing.T) {
	const unfit = "DiskNotRestorable: disk data (WukongDisk web-data) cannot be restored: "
	const leaveOut = "to leave it out, request another restore with restore.disks"
	lostCondition := func(disk *v1alpha1.WukongDisk) {
		notReady(disk.Status.Conditions, "DataVolume web-data is being filled")
		disk.Status.Conditions[1].Status = metav1.ConditionFalse
	}
	checkAll(t, map[string]row{
		"no snapshot": obstacle("SourceMissing: WukongSnapshot before does not exist in namespace shop: create it, "+
			"or request another restore", func(in *restore.Inputs) { in.Snapshot = nil }),
		"the snapshot is being deleted": obstacle("SourceMissing: WukongSnapshot before does not exist in namespace "+
			"shop: create it, or request another restore",
			func(in *restore.Inputs) { in.Snapshot.DeletionTimestamp = ptr.To(metav1.NewTime(noon)) }),
		"the snapshot is not ready": obstacle("SourceNotReady: WukongSnapshot before: it is being taken",
			func(in *restore.Inputs) { notReady(in.Snapshot.Status.Conditions, "it is being taken") }),
		"nobody has looked at the snapshot": obstacle("SourceNotReady: WukongSnapshot before: its controller has not "+
			"looked at it yet", func(in *restore.Inputs) { in.Snapshot.Generation = 2 }),
		"the snapshot is of other disks": obstacle("SnapshotMismatch: WukongSnapshot before contains no disk of "+
			"WukongVM web; it contains the WukongDisks db-root, db-data", inSnapshot("db-root", "db-data")),
		"an entry of the same name is another disk": obstacle("InvalidSpec: restore.disks lists data, which the "+
			"snapshot does not contain: request another restore without it", inSnapshot("web-root"), only("data")),
		"restore.disks is not in the spec": obstacle("InvalidSpec: restore.disks lists logs, which spec.disks does not "+
			"have: request another restore", only("root", "logs")),

		"a disk is missing": obstacle("SourceMissing: WukongDisk web-data, disk data of WukongVM web, does not exist",
			func(in *restore.Inputs) { in.Disks["web-data"] = nil }),
		"a disk adopts its claim": obstacle(unfit+"it uses a PersistentVolumeClaim that Wukong did not create; "+leaveOut,
			of("data", func(disk *v1alpha1.WukongDisk) {
				disk.Spec.Source = &v1alpha1.WukongDiskSource{PersistentVolumeClaim: &v1alpha1.ClaimSource{Name: "old"}}
			})),
		"a disk is shared": obstacle(unfit+"other WukongVMs share it; "+leaveOut,
			of("data", func(disk *v1alpha1.WukongDisk) { disk.Spec.Shared = ptr.To(true) })),
		"a disk is not complete": obstacle("SourceNotReady: WukongDisk web-data: DataVolume web-data is being filled",
			of("data", lostCondition)),
		"a disk has no claim": obstacle("SourceNotReady: WukongDisk web-data: its claim is being created",
			of("data", func(disk *v1alpha1.WukongDisk) {
				notReady(disk.Status.Conditions, "its claim is being created")
				disk.Status.ClaimName = ""
			})),
		"a disk is being deleted": obstacle(unfit+"it is being deleted; "+leaveOut, deletedDisk),
		"no WukongVM has a disk yet": obstacle("DiskInUse: WukongDisk web-data is about to be attached to WukongVM web",
			detached),
		"another WukongVM has a disk": obstacle(`DiskInUse: WukongDisk web-data is not attached to WukongVM web but to `+
			`"db"`, of("data", func(disk *v1alpha1.WukongDisk) { disk.Status.AttachedTo = "db" })),
		"a disk moves": obstacle("Busy: WukongDisk web-data moves to another StorageClass: the restore begins afterwards",
			of("data", func(disk *v1alpha1.WukongDisk) { disk.Status.Move = &v1alpha1.DiskMove{} })),
	})
}

// A disk that is not restored prevents nothing.
func TestWhatIsRestored(t *testing.T) {
	cdROM := func(in *restore.Inputs) { in.VM.Spec.Disks[1].Type = v1alpha1.DiskTypeCDROM }
	emptyDrive := func(in *restore.Inputs) {
		in.VM.Spec.Disks[1] = v1alpha1.VMDisk{Name: "cd", Type: v1alpha1.DiskTypeCDROM}
	}
	noData := func(in *restore.Inputs) { in.Disks["web-data"] = nil }
	root := v1alpha1.VMRestoreDisk{
		Name: "root", DiskName: "web-root", VolumeSnapshotName: "cut-root", PreviousClaimName: "root-1",
	}
	data := v1alpha1.VMRestoreDisk{
		Name: "data", DiskName: "web-data", VolumeSnapshotName: "cut-data", PreviousClaimName: "data-1",
	}
	renamed := data
	renamed.Name = "logs"
	for name, row := range map[string]struct {
		changes []change
		disks   []v1alpha1.VMRestoreDisk
		others  []string
	}{
		"all":                            {nil, []v1alpha1.VMRestoreDisk{root, data}, nil},
		"one":                            {[]change{only("data")}, []v1alpha1.VMRestoreDisk{data}, nil},
		"all of the two":                 {[]change{only("data", "root")}, []v1alpha1.VMRestoreDisk{root, data}, nil},
		"one, and the other one is lost": {[]change{only("root"), noData}, []v1alpha1.VMRestoreDisk{root}, nil},
		"a CD-ROM drive":                 {[]change{cdROM, noData}, []v1alpha1.VMRestoreDisk{root}, nil},
		"an empty drive":                 {[]change{emptyDrive}, []v1alpha1.VMRestoreDisk{root}, nil},
		"one is not in the snapshot": {[]change{noSnapshotOf(1), noData}, []v1alpha1.VMRestoreDisk{root},
			[]string{"data"}},
		"a disk has another name by now": {[]change{rename("logs")}, []v1alpha1.VMRestoreDisk{root, renamed}, nil},
		"and restore.disks names that one": {[]change{rename("logs"), only("logs")},
			[]v1alpha1.VMRestoreDisk{renamed}, nil},
	} {
		plan := restore.Make(situation(row.changes...))
		assert.Equal(t, filling, phaseIn(plan), name)
		assert.Equal(t, row.disks, plan.Status.Disks, name)
		assert.Equal(t, row.others, plan.Status.NotInSnapshot, name)
		assert.Equal(t, begun, plan.Mark, "%s: before the first claim is made", name)
		assert.Empty(t, plan.Status.Reason, name)
	}
}

func noSnapshotOf(index int) change {
	return func(in *restore.Inputs) {
		in.Snapshot.Status.Disks = append(in.Snapshot.Status.Disks[:index], in.Snapshot.Status.Disks[index+1:]...)
	}
}

func rename(name string) change { return func(in *restore.Inputs) { in.VM.Spec.Disks[1].Name = name } }

// A request is carried out once, whatever is applied again.
func TestARequestIsCarriedOutOnce(t *testing.T) {
	createdAt := func(at time.Time) change {
		return func(in *restore.Inputs) { in.VM.CreationTimestamp = metav1.NewTime(at) }
	}
	asked := func(at time.Time) change { return func(in *restore.Inputs) { in.VM.Spec.Restore = request(at) } }
	const remedy = "; to restore it now, give restore.requestedAt a later time"
	begins := row{
		phase: filling, condition: "False Filling: 0 of 2 disks are filled from the snapshot while the WukongVM stays " +
			"as it is",
	}
	after := func(mark string, changes ...change) row {
		result := begins
		result.changes, result.mark = changes, mark
		return result
	}
	skips := func(condition string, changes ...change) row {
		return row{changes: changes, phase: skipped, condition: "True " + condition + remedy}
	}
	checkAll(t, map[string]row{
		"no request":                       {changes: []change{withdrawn}},
		"due":                              after(begun),
		"due, and an earlier one ended":    after(begun, marked("2026-03-01T11:59:59Z/ended")),
		"due, and somebody broke the mark": after(begun, marked("noon")),
		"begun, and status was lost":       after("", marked(begun)),
		"due, a time of another zone":      after(begun, asked(noon.In(time.FixedZone("CET", 3600)))),
		"begun, a time of another zone":    after("", marked(begun), asked(noon.In(time.FixedZone("CET", 3600)))),
		"the WukongVM is as old": skips("Skipped: requestedAt 2026-03-01T12:00:00Z is not later than the creation of "+
			"WukongVM web (2026-03-01T12:00:00Z)", createdAt(noon)),
		"the WukongVM is younger": skips("Skipped: requestedAt 2026-03-01T12:00:00Z is not later than the creation of "+
			"WukongVM web (2026-03-01T12:00:30Z)", createdAt(noon.Add(30*time.Second))),
		"handled": skips("AlreadyHandled: WukongVM web has handled a restore that was requested at "+
			"2026-03-01T12:00:00Z", marked(ended)),
		"handled, and the mark was removed": skips("AlreadyHandled: WukongVM web has handled a restore that was requested "+
			"at 2026-03-01T12:00:00Z", reports(diskFilled, diskDone)),
		"handled, the mark is of an earlier one": skips("AlreadyHandled: WukongVM web has handled a restore that was "+
			"requested at 2026-03-01T12:00:00Z", marked("2026-03-01T11:00:00Z/ended"), reports(diskDone, diskDone)),
		"a disk is of another WukongVM's restore": obstacle(`DiskInUse: WukongDisk web-data is not attached to WukongVM `+
			`web but to "db"`, disk("data", diskDone, ""), attachedElsewhere),
		"superseded": skips("Superseded: WukongVM web has handled a restore that was requested later than "+
			"2026-03-01T12:00:00Z", marked("2026-03-01T12:00:01Z/ended")),
		"superseded by one that has begun": skips("Superseded: WukongVM web has handled a restore that was requested "+
			"later than 2026-03-01T12:00:00Z", marked("2026-03-01T12:00:01Z")),
		"an appointment": {
			changes: []change{asked(noon.Add(time.Hour))}, phase: pending, after: 59 * time.Minute,
			condition: "False Appointed: the restore begins at 2026-03-01T13:00:00Z (requestedAt)",
		},
		"an appointment, the snapshot does not exist yet": {
			changes: []change{asked(noon.Add(time.Hour)), func(in *restore.Inputs) { in.Snapshot = nil }},
			phase:   pending, after: 59 * time.Minute,
			condition: "False Appointed: the restore begins at 2026-03-01T13:00:00Z (requestedAt)",
		},
		"KubeVirt is not installed": {changes: []change{unserved}},
		"the moment has come": after(begun, asked(noon.Add(time.Hour)), func(in *restore.Inputs) {
			in.Now = noon.Add(time.Hour)
		}).marks("2026-03-01T13:00:00Z"),
	})
}

func (r row) marks(value string) row {
	r.mark = value
	return r
}

// A user sees since when a restore waits, and the request that it waits for.
func TestARestoreThatWaits(t *testing.T) {
	noSnapshot := func(in *restore.Inputs) { in.Snapshot = nil }
	waits := inPhase(pending, noSnapshot, marked(""), func(in *restore.Inputs) { in.VM.Status.Restore.Disks = nil })

	plan := restore.Make(situation(waits))
	assert.Equal(t, noon, plan.Status.Since.UTC(), "it waits on")
	plan = restore.Make(situation(waits, another))
	assert.Equal(t, noon.Add(time.Minute), plan.Status.Since.UTC(), "another request")
	assert.Equal(t, noon.Add(30*time.Second), plan.Status.Request.RequestedAt.UTC())
	plan = restore.Make(situation(noSnapshot, func(in *restore.Inputs) { in.Now = in.Now.Add(time.Millisecond) }))
	assert.Equal(t, noon.Add(time.Minute), plan.Status.Since.UTC(), "whole seconds, as the API server keeps them")

	plan = restore.Make(situation(waits, withdrawn))
	assert.Nil(t, plan.Status, "the request is withdrawn")
	assert.Empty(t, plan.Mark, "nothing was begun")
	plan = restore.Make(situation(waits, func(in *restore.Inputs) { in.Snapshot = situation().Snapshot }))
	assert.Equal(t, filling, phaseIn(plan), "the snapshot exists by now")
	assert.Equal(t, noon.Add(time.Minute), plan.Status.Since.UTC())
	assert.Equal(t, *request(noon), plan.Status.Request)
}

package carry

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/operation"
)

// Disk is what is known of a disk of the source.
type Disk struct {
	// Contained: the snapshot contains the disk, or will contain it.
	Contained bool
	// Excluded is why the snapshot does not contain it.
	Excluded string
	// Size and StorageClassName are those that the snapshot recorded. Size is nil when it recorded none.
	Size             *resource.Quantity
	StorageClassName string
	// Live is the WukongDisk; nil when it does not exist any more.
	Live *v1alpha1.WukongDisk
}

// isShared reports whether several WukongVMs may use the disk.
func (d Disk) isShared() bool { return d.Live != nil && model.IsShared(d.Live) }

// Choice returns what the WukongClone says about a disk; the name alone when it says nothing.
func Choice(clone *v1alpha1.WukongClone, name string) v1alpha1.CloneDisk {
	for _, one := range clone.Spec.Disks {
		if one.Name == name {
			return one
		}
	}
	return v1alpha1.CloneDisk{Name: name}
}

// Action returns how a disk of the source is made. A drive has none: it becomes empty, unless it is left out.
func (in Inputs) Action(entry *v1alpha1.VMDisk) v1alpha1.CloneAction {
	action := Choice(in.Clone, entry.Name).Action
	switch {
	case action != "" || entry.Type == v1alpha1.DiskTypeCDROM:
		return action
	case in.Disks[entry.Name].isShared():
		return v1alpha1.CloneActionShare
	default:
		return v1alpha1.CloneActionClone
	}
}

// Snapshotted returns the names of the disks that are copied from a snapshot.
func (in Inputs) Snapshotted() []string {
	var names []string
	for i := range in.Source.Spec.Disks {
		if entry := &in.Source.Spec.Disks[i]; in.Action(entry) == v1alpha1.CloneActionClone {
			names = append(names, entry.Name)
		}
	}
	return names
}

// disks makes the entries of spec.disks. It reports all disks that cannot be made in one message.
func (in Inputs) disks() ([]v1alpha1.VMDisk, *operation.State) {
	problems := in.unknownDisks()
	var made []v1alpha1.VMDisk
	for i := range in.Source.Spec.Disks {
		entry := in.Source.Spec.Disks[i].DeepCopy()
		action := in.Action(entry)
		if action == v1alpha1.CloneActionOmit {
			continue
		}
		if problem := in.disk(entry, action); problem != "" {
			problems = append(problems, problem)
			continue
		}
		made = append(made, *entry)
	}
	if len(problems) > 0 {
		return nil, operation.Pending(v1alpha1.ReasonInvalidSpec, "%s; create another WukongClone",
			strings.Join(problems, "; "))
	}
	return made, nil
}

// unknownDisks reports the entries of disks that the source does not have.
func (in Inputs) unknownDisks() []string {
	var names, problems []string
	for i := range in.Source.Spec.Disks {
		names = append(names, in.Source.Spec.Disks[i].Name)
	}
	for i := range in.Clone.Spec.Disks {
		if name := in.Clone.Spec.Disks[i].Name; !slices.Contains(names, name) {
			problems = append(problems, fmt.Sprintf(
				"disks lists %s, and WukongVM %s has no such disk in spec.disks (it has: %s)", name, in.Source.Name,
				strings.Join(names, ", ")))
		}
	}
	return problems
}

// disk changes an entry of the source to that of the clone, or returns why it cannot.
func (in Inputs) disk(entry *v1alpha1.VMDisk, action v1alpha1.CloneAction) string {
	known := in.Disks[entry.Name]
	switch {
	case entry.Type == v1alpha1.DiskTypeCDROM && action == "":
		entry.DiskRef, entry.Template = nil, nil
		return ""
	case entry.Type == v1alpha1.DiskTypeCDROM && action != v1alpha1.CloneActionShare:
		return fmt.Sprintf("disk %s is a CD-ROM drive, whose medium is not copied: leave it out of disks, "+
			"and the drive is empty, or set disks[].action to Omit", entry.Name)
	case action == v1alpha1.CloneActionShare:
		return in.share(entry, known)
	case action == v1alpha1.CloneActionBlank:
		return in.template(entry, known, nil)
	case !known.Contained:
		return fmt.Sprintf("the snapshot does not contain disk %s (%s): set disks[].action of it to Omit or Blank",
			entry.Name, known.Excluded)
	default:
		return in.template(entry, known, in.snapshotSource(entry.Name))
	}
}

func (in Inputs) snapshotSource(disk string) *v1alpha1.WukongDiskSource {
	source := &v1alpha1.DiskSnapshotSource{Kind: model.KindWukongSnapshot, Name: in.Snapshot, Disk: disk}
	if in.isForeign() {
		source.Namespace = in.Source.Namespace
	}
	return &v1alpha1.WukongDiskSource{Snapshot: source}
}

// share refers to the WukongDisk of the source.
func (in Inputs) share(entry *v1alpha1.VMDisk, known Disk) string {
	switch {
	case in.isForeign():
		return fmt.Sprintf("disk %s is in namespace %s, and only WukongVMs of that namespace can share it: "+
			"set disks[].action of it to Clone, Omit or Blank", entry.Name, in.Source.Namespace)
	case in.isIsolated():
		return fmt.Sprintf("disk %s is shared with other guests, and overrides.isolated keeps the clone apart from them: "+
			"set disks[].action of it to Clone, Omit or Blank", entry.Name)
	case !known.isShared():
		return fmt.Sprintf("disk %s is not shared (spec.shared of its WukongDisk), and two guests would destroy "+
			"its data: set disks[].action of it to Clone, Omit or Blank", entry.Name)
	}
	entry.DiskRef, entry.Template = &v1alpha1.LocalObjectReference{Name: known.Live.Name}, nil
	return ""
}

// template makes the entry a template of a disk with a source; nil for a blank one.
func (in Inputs) template(entry *v1alpha1.VMDisk, known Disk, source *v1alpha1.WukongDiskSource) string {
	template := &v1alpha1.DiskTemplate{}
	switch {
	case entry.Template != nil:
		template.Labels = metadata(entry.Template.Labels, nil)
		template.Spec = *entry.Template.Spec.DeepCopy()
	case known.Live != nil:
		template.Labels = metadata(known.Live.Labels, nil)
		template.Spec = *known.Live.Spec.DeepCopy()
	}
	problem := Fill(&template.Spec, known, Choice(in.Clone, entry.Name))
	template.Spec.Source = source
	if in.Clone.Spec.OnDelete == v1alpha1.CloneDeletionDelete && template.Spec.ReclaimPolicy != "" {
		template.Spec.ReclaimPolicy = v1alpha1.ReclaimDelete // a claim that is retained would stay without an owner
	}
	entry.DiskRef, entry.Template = nil, template
	return problem
}

// Fill sets size and class of a new disk, and removes what belongs to the source alone. The access modes and the volume
// mode are those of the class of the source: on another class CDI chooses them.
func Fill(spec *v1alpha1.WukongDiskSpec, known Disk, choice v1alpha1.CloneDisk) string {
	size := known.Size
	if size == nil {
		size = spec.Size
	}
	if choice.Size != nil {
		if size != nil && choice.Size.Cmp(*size) < 0 {
			return fmt.Sprintf("disks[].size of disk %s is %s, and the disk has %s: set it to that or more",
				choice.Name, choice.Size, size)
		}
		size = choice.Size
	}
	if size == nil {
		return fmt.Sprintf("the size of disk %s is not known: set disks[].size of it", choice.Name)
	}
	copied := size.DeepCopy()
	spec.Size = &copied
	if known.StorageClassName != "" {
		spec.StorageClassName = &known.StorageClassName
	}
	if choice.StorageClassName != "" {
		if choice.StorageClassName != known.StorageClassName && !isShared(spec) {
			spec.AccessModes, spec.VolumeMode = nil, nil
		}
		spec.StorageClassName = &choice.StorageClassName
	}
	spec.WukongRef, spec.CloneableFrom, spec.DeletionProtection = nil, nil, nil
	return ""
}

func isShared(spec *v1alpha1.WukongDiskSpec) bool { return spec.Shared != nil && *spec.Shared }

// Package progress decides how far the result of a clone is. It reads and writes nothing.
package progress

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Progress is how far the disks of a result are.
type Progress struct {
	Disks []v1alpha1.CloneDiskStatus
	// Percent is the average of the disks.
	Percent int32
	// Completed is the number of disks that are complete.
	Completed int
	// Waits is what the first incomplete disk reports; empty when all are complete.
	Waits string
}

// OfMachine is the progress of the disks that a WukongVM makes from templates. Disks are the WukongDisks that have
// their names. One that does not belong to the WukongVM has no part in it, but is waited for.
func OfMachine(vm *v1alpha1.WukongVM, disks map[string]*v1alpha1.WukongDisk) Progress {
	var found Progress
	for i := range vm.Spec.Disks {
		if entry := &vm.Spec.Disks[i]; entry.Template != nil {
			name := model.DiskName(vm, entry)
			if disk := disks[name]; disk != nil && !model.Belongs(disk, vm) {
				found.wait(entry.Name, name, belongsElsewhere(vm, disk))
				continue
			}
			found.add(entry.Name, name, disks[name])
		}
	}
	found.average()
	return found
}

// OfDisk is the progress of one WukongDisk.
func OfDisk(disk *v1alpha1.WukongDisk) Progress {
	var found Progress
	found.add(disk.Name, disk.Name, disk)
	found.average()
	return found
}

// add adds a disk; nil for one that does not exist yet.
func (p *Progress) add(entry, name string, disk *v1alpha1.WukongDisk) {
	status := v1alpha1.CloneDiskStatus{Name: entry, DiskName: name, Phase: v1alpha1.DiskPending}
	waits := "WukongDisk " + name + " is not created yet"
	if disk != nil {
		status.Method = disk.Status.CloneMethod
		if disk.Status.Phase != "" {
			status.Phase = disk.Status.Phase
		}
		waits = fmt.Sprintf("WukongDisk %s: %s", name, model.Ready(disk).Message)
	}
	switch {
	case disk != nil && disk.Complete():
		p.Completed++
		p.Percent += 100
	default:
		if disk != nil && disk.Status.ProgressPercent != nil {
			p.Percent += *disk.Status.ProgressPercent
		}
		if p.Waits == "" {
			p.Waits = waits
		}
	}
	p.Disks = append(p.Disks, status)
}

// wait adds a disk that does not exist, and why.
func (p *Progress) wait(entry, name, why string) {
	p.Disks = append(p.Disks, v1alpha1.CloneDiskStatus{Name: entry, DiskName: name, Phase: v1alpha1.DiskPending})
	if p.Waits == "" {
		p.Waits = why
	}
}

// belongsElsewhere reports whose a WukongDisk is that has the name of a disk of a WukongVM.
func belongsElsewhere(vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk) string {
	owner := "no WukongVM"
	if made := metav1.GetControllerOf(disk); made != nil {
		owner = made.Kind + " " + made.Name
	}
	return fmt.Sprintf("WukongDisk %s belongs to %s, and WukongVM %s needs its name: delete it if nothing needs it, "+
		"and the clone continues", disk.Name, owner, vm.Name)
}

func (p *Progress) average() {
	if len(p.Disks) == 0 {
		p.Percent = 100
		return
	}
	p.Percent /= int32(len(p.Disks))
}

// NotRunning is why a WukongVM that is to run does not; empty when it does, or is not to run any more.
func NotRunning(vm *v1alpha1.WukongVM) string {
	if vm.Spec.PowerState == v1alpha1.PowerStopped {
		return ""
	}
	if ready := model.Ready(vm); ready.Status != metav1.ConditionTrue {
		return fmt.Sprintf("WukongVM %s: %s", vm.Name, ready.Message)
	}
	return ""
}

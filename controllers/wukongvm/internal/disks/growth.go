package disks

import (
	"math"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// GatesOff is what KubeVirt does not do for the disks of running guests; known only while a disk waits for it
// (AwaitsGates).
type GatesOff struct {
	// Plugs: KubeVirt does not plug in or unplug disks.
	Plugs bool
	// Grows: KubeVirt does not show guests that their disks grew.
	Grows bool
}

const (
	plugsOffMessage = "KubeVirt's feature gate " + virt.GateDeclarative + " is off, or " + virt.GateImperative +
		" is on, which turns it off: disks cannot be plugged in or unplugged; " +
		"correct spec.configuration.developerConfiguration.featureGates of the KubeVirt object, or restart the WukongVM"
	growsOffMessage = "the claim has grown, and the guest does not see it, because KubeVirt's feature gate " +
		virt.GateExpand + " is off: " +
		"add it to spec.configuration.developerConfiguration.featureGates of the KubeVirt object, and restart the WukongVM"
)

// AwaitsGates reports whether a disk waits for something that a feature gate of KubeVirt may disable.
func (in Inputs) AwaitsGates() bool { return in.awaitsPlug() || in.awaitsGrowth() }

// awaitsPlug reports whether the running guest lacks a hotpluggable volume of the template, or has one that the
// template no longer has.
func (in Inputs) awaitsPlug() bool {
	guest := in.Guest()
	if guest == nil || !guest.IsRunning() || in.Machine == nil || in.Machine.Spec.Template == nil {
		return false
	}
	lacks := func(volumes, others []kubevirtv1.Volume) bool {
		return slices.ContainsFunc(volumes, func(volume kubevirtv1.Volume) bool {
			named := func(other kubevirtv1.Volume) bool { return other.Name == volume.Name }
			return virt.IsHotpluggable(&volume) && !slices.ContainsFunc(others, named)
		})
	}
	template := in.Machine.Spec.Template.Spec.Volumes
	return lacks(template, guest.Spec.Volumes) || lacks(guest.Spec.Volumes, template)
}

// awaitsGrowth reports whether the claim of a disk of the running guest is larger than what the guest last saw.
func (in Inputs) awaitsGrowth() bool {
	guest := in.Guest()
	return guest != nil && guest.IsRunning() &&
		slices.ContainsFunc(guest.Status.VolumeStatus, func(volume kubevirtv1.VolumeStatus) bool {
			claim := volume.PersistentVolumeClaimInfo
			return claim != nil && in.hasGrown(in.Owners[claim.ClaimName], claim)
		})
}

func (in Inputs) hasGrown(disk string, claim *kubevirtv1.PersistentVolumeClaimInfo) bool {
	before, now := in.sawLast(disk, claim), guestSize(claim)
	return before != nil && now != nil && before.Cmp(*now) < 0
}

// sawLast returns the size that the guest last saw of a disk, or nil when it is not recorded. After the next start a
// guest sees the new size of a block device, and the status of the WukongVM does not outlast its instance. The image
// in a file system volume keeps its original size.
func (in Inputs) sawLast(name string, claim *kubevirtv1.PersistentVolumeClaimInfo) *resource.Quantity {
	if claim.VolumeMode != nil && *claim.VolumeMode == corev1.PersistentVolumeBlock {
		for i := range in.VM.Status.Disks {
			if in.VM.Status.Disks[i].DiskName == name {
				return in.VM.Status.Disks[i].GuestSize
			}
		}
		return nil
	}
	if disk := in.Disks[name]; disk != nil {
		return disk.Status.GuestSize
	}
	return nil
}

const mebibyte = 1 << 20

// guestSize returns the size of a disk that KubeVirt creates on a claim, also while it grows
// (pkg/virt-launcher/virtwrap, possibleGuestSize): the smaller of request and capacity, less the overhead of a file
// system, in whole MiB. KubeVirt itself reports no size of a claim's volume.
func guestSize(claim *kubevirtv1.PersistentVolumeClaimInfo) *resource.Quantity {
	if claim == nil {
		return nil
	}
	request, asked := claim.Requests[corev1.ResourceStorage]
	capacity, there := claim.Capacity[corev1.ResourceStorage]
	if !asked || !there {
		return nil
	}
	size := min(request.Value(), capacity.Value())
	if claim.VolumeMode == nil || *claim.VolumeMode == corev1.PersistentVolumeFilesystem {
		if claim.FilesystemOverhead == nil {
			return nil
		}
		overhead, err := strconv.ParseFloat(string(*claim.FilesystemOverhead), 64)
		if err != nil || overhead < 0 || overhead > 1 {
			return nil
		}
		size = int64(math.Floor((1 - overhead) * float64(size)))
		size -= size % mebibyte
	}
	return resource.NewQuantity(size, resource.BinarySI)
}

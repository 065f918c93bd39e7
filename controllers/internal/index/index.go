// Package index names the field indexes that several controllers list by, and registers each once.
package index

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
)

const (
	// VMByDisk finds the WukongVMs that use a WukongDisk, by its name: those that list it, and those whose instance has it still.
	VMByDisk = "disks.wukongDisk"
	// VMByNetwork finds the WukongVMs that attach to a WukongNetwork, by its name.
	VMByNetwork = "spec.networks.wukongNetwork"
	// DiskByClaim finds the WukongDisks that stand on a PersistentVolumeClaim, by its name.
	DiskByClaim = "claimName"
	// DiskByOwner finds the WukongDisks that a WukongVM owns, or that are retained for it, by its name.
	DiskByOwner = "metadata.ownerReferences.wukongVM"
	// NetworkByOwner finds the WukongNetworks that a WukongVM owns, by its name.
	NetworkByOwner = "metadata.ownerReferences.wukongVM"
	// DiskByHolder finds the WukongDisks that a WukongVM may use, by its name.
	DiskByHolder = "status.attachedTo"
	// DiskByOrigin finds the WukongDisks that are clones of an object, by model.Origin.Key, in all namespaces.
	DiskByOrigin = "source.origin"
	// SnapshotByDisk finds the WukongSnapshots of a WukongDisk, by its name.
	SnapshotByDisk = "spec.source.diskRef"
	// ClaimByUID finds a PersistentVolumeClaim by its UID, in all namespaces.
	ClaimByUID = "metadata.uid"
	// FailureByClaim finds the events of provisioners by the UID of the PersistentVolumeClaim that they are about, or made for: see ClaimsOfFailure.
	FailureByClaim = "involvedObject.claim"
	// NetworkByAttachment finds the WukongNetworks that name an existing NetworkAttachmentDefinition, as namespace/name.
	NetworkByAttachment = "attachment"
	// NetworkByBridge finds the WukongNetworks that stand on a Linux bridge of the nodes, by its name, in all namespaces.
	NetworkByBridge = "spec.bridge.name"
	// ByUmbrellaUID finds the children of a Wukong by the UID in their owner references.
	ByUmbrellaUID = "metadata.ownerReferences.wukong"
)

// entry is an index of one kind.
type entry struct {
	obj     client.Object
	field   string
	extract client.IndexerFunc
}

// of lists what each controller looks up by. An index makes the manager watch its kind, so a manager gets only those that its
// controllers have the right to watch.
func of(controller string) []entry {
	networkBySegment := entry{&v1alpha1.WukongNetwork{}, NetworkBySegment, networkSegment}
	vmByDisk := entry{&v1alpha1.WukongVM{}, VMByDisk, vmDisks}
	switch controller {
	case "wukong":
		var entries []entry
		for _, kind := range umbrella.Kinds {
			entries = append(entries, entry{kind.New(), ByUmbrellaUID, umbrellaUIDs})
		}
		return entries
	case "wukongdisk":
		disk := &v1alpha1.WukongDisk{}
		return []entry{
			{disk, umbrella.IndexName, umbrella.Index}, {disk, DiskByClaim, diskClaim}, {disk, DiskByOwner, owningVM},
			{disk, DiskByHolder, diskHolder}, {disk, DiskByOrigin, diskOrigin}, vmByDisk,
			{&v1alpha1.WukongSnapshot{}, SnapshotByDisk, snapshotDisk}, {&corev1.PersistentVolumeClaim{}, ClaimByUID, uid}, {&corev1.Event{}, FailureByClaim, ClaimsOfFailure},
		}
	case "wukongimage":
		return []entry{{&v1alpha1.WukongImage{}, umbrella.IndexName, umbrella.Index}}
	case "wukongnetwork":
		network := &v1alpha1.WukongNetwork{}
		return []entry{
			{network, umbrella.IndexName, umbrella.Index}, {network, NetworkByAttachment, networkAttachment}, {network, NetworkByBridge, networkBridge}, networkBySegment,
			{&v1alpha1.WukongVM{}, VMByNetwork, vmNetworks}, {&v1alpha1.WukongAddress{}, AddressBySegment, addressSegment},
		}
	case "wukongaddress":
		address := &v1alpha1.WukongAddress{}
		return []entry{{address, AddressByInterface, addressInterface}, {address, AddressByMachine, addressMachine}, {address, AddressByNetwork, addressNetwork}}
	case "wukongvm":
		vm, disk := &v1alpha1.WukongVM{}, &v1alpha1.WukongDisk{}
		return []entry{
			{vm, umbrella.IndexName, umbrella.Index}, {vm, VMByNetwork, vmNetworks}, vmByDisk,
			{disk, DiskByOwner, owningVM}, {disk, DiskByClaim, diskClaim}, {disk, DiskByHolder, diskHolder},
			{&v1alpha1.WukongNetwork{}, NetworkByOwner, owningVM}, networkBySegment,
			{vm, VMByObservedAddress, vmAddresses}, {&v1alpha1.WukongAddress{}, AddressByInterface, addressInterface},
		}
	case "wukongsnapshot":
		snapshot := &v1alpha1.WukongSnapshot{}
		return []entry{{snapshot, umbrella.IndexName, umbrella.Index}, {snapshot, SnapshotByDisk, snapshotDisk}, vmByDisk}
	case "wukongexport":
		return []entry{{&v1alpha1.WukongExport{}, umbrella.IndexName, umbrella.Index}, {&v1alpha1.WukongDisk{}, DiskByClaim, diskClaim}, vmByDisk}
	default:
		return nil
	}
}

// Register adds the indexes that the named controllers look up by, each once. An index costs a map entry per object.
func Register(ctx context.Context, indexer client.FieldIndexer, controllers []string) error {
	registered := map[string]bool{}
	for _, controller := range controllers {
		for _, item := range of(controller) {
			key := fmt.Sprintf("%T by %s", item.obj, item.field)
			if registered[key] {
				continue
			}
			registered[key] = true
			if err := indexer.IndexField(ctx, item.obj, item.field, item.extract); err != nil {
				return fmt.Errorf("index %s: %w", key, err)
			}
		}
	}
	return nil
}

func vmDisks(obj client.Object) []string { return model.UsedDisks(obj.(*v1alpha1.WukongVM)) }

func diskHolder(obj client.Object) []string {
	if name := obj.(*v1alpha1.WukongDisk).Status.AttachedTo; name != "" {
		return []string{name}
	}
	return nil
}

func snapshotDisk(obj client.Object) []string {
	if disk := obj.(*v1alpha1.WukongSnapshot).Spec.Source.DiskRef; disk != nil {
		return []string{disk.Name}
	}
	return nil
}

func vmNetworks(obj client.Object) []string {
	vm := obj.(*v1alpha1.WukongVM)
	var names []string
	for i := range vm.Spec.Networks {
		if name := model.NetworkName(vm, &vm.Spec.Networks[i]); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func diskOrigin(obj client.Object) []string {
	if origin, ok := model.OriginOf(obj.(*v1alpha1.WukongDisk)); ok {
		return []string{origin.Key()}
	}
	return nil
}

func diskClaim(obj client.Object) []string { return model.ClaimsOf(obj.(*v1alpha1.WukongDisk)).All() }

func owningVM(obj client.Object) []string {
	var names []string
	for _, reference := range obj.GetOwnerReferences() {
		if model.IsVM(reference) {
			names = append(names, reference.Name)
		}
	}
	if owner, ok := model.RetainedFor(obj); ok {
		names = append(names, owner.Name)
	}
	return names
}

func networkAttachment(obj client.Object) []string {
	if name := obj.(*v1alpha1.WukongNetwork).AttachmentName(); name != "" {
		return []string{name}
	}
	return nil
}

func networkBridge(obj client.Object) []string {
	if bridge := obj.(*v1alpha1.WukongNetwork).Spec.Bridge; bridge != nil {
		return []string{bridge.Name}
	}
	return nil
}

func umbrellaUIDs(obj client.Object) []string {
	var uids []string
	for _, reference := range obj.GetOwnerReferences() {
		if umbrella.IsReference(reference) {
			uids = append(uids, string(reference.UID))
		}
	}
	return uids
}

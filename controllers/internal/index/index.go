// Package index names the field indexes that several controllers list by, and registers each once.
package index

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
)

const (
	// VMByDisk finds the WukongVMs that use a WukongDisk, by its name: those that list it, and those whose instance
	// still has it.
	VMByDisk = "disks.wukongDisk"
	// VMByNetwork finds the WukongVMs that attach to a WukongNetwork, by its name.
	VMByNetwork = "spec.networks.wukongNetwork"
	// DiskByClaim finds the WukongDisks that use a PersistentVolumeClaim, by its name.
	DiskByClaim = "claimName"
	// DiskByOwner finds the WukongDisks that a WukongVM owns, or that are retained for it, by its name.
	DiskByOwner = "metadata.ownerReferences.wukongVM"
	// NetworkByOwner finds the WukongNetworks that a WukongVM owns, by its name.
	NetworkByOwner = "metadata.ownerReferences.wukongVM"
	// DiskByHolder finds the WukongDisks that a WukongVM may use, by its name.
	DiskByHolder = "status.attachedTo"
	// DiskByOrigin finds the WukongDisks that are clones of an object, by model.Origin.Key, in all namespaces.
	DiskByOrigin = "source.origin"
	// DiskByRestore finds the WukongDisks whose new claim is filled from a VolumeSnapshot, by its name.
	DiskByRestore = "status.restore.volumeSnapshotName"
	// SnapshotByDisk finds the WukongSnapshots of a WukongDisk, by its name.
	SnapshotByDisk = "spec.source.diskRef"
	// SnapshotByVM finds the WukongSnapshots of a WukongVM, by its name.
	SnapshotByVM = "spec.source.vmRef"
	// MigrationByVM finds the WukongMigrations of a WukongVM, by its name.
	MigrationByVM = "spec.vmRef"
	// CloneBySource finds the WukongClones of an object, by model.Origin.Key, in all namespaces.
	CloneBySource = "spec.source"
	// CloneByTarget finds the WukongClones whose result has a name.
	CloneByTarget = "spec.targetName"
	// ScheduleBySource finds the WukongSnapshotSchedules of an object, by model.Origin.Key.
	ScheduleBySource = "spec.template.spec.source"
	// BackupBySnapshot finds the WukongBackups of a WukongSnapshot, by its name.
	BackupBySnapshot = "spec.snapshotRef"
	// VMBySnapshot finds the WukongVMs that are restored from a WukongSnapshot, or had it taken for that, by its name.
	VMBySnapshot = "restore.wukongSnapshot"
	// ClaimByUID finds a PersistentVolumeClaim by its UID, in all namespaces.
	ClaimByUID = "metadata.uid"
	// FailureByClaim finds the events of provisioners by the UID of the PersistentVolumeClaim that they are about, or
	// were created for: see ClaimsOfFailure.
	FailureByClaim = "involvedObject.claim"
	// NetworkByAttachment finds the WukongNetworks that name an existing NetworkAttachmentDefinition, as
	// namespace/name.
	NetworkByAttachment = "attachment"
	// NetworkByBridge finds the WukongNetworks that use a Linux bridge of the nodes, by its name, in all namespaces.
	NetworkByBridge = "spec.bridge.name"
	// ByUmbrellaUID finds the children of a Wukong by the UID in their owner references.
	ByUmbrellaUID = "metadata.ownerReferences.wukong"
)

// Entry is an index of one type.
type Entry struct {
	Of    client.Object
	Field string
	Keys  client.IndexerFunc
}

// shared are the indexes that controllers declare by Of.
var shared = []Entry{
	{&v1alpha1.WukongVM{}, VMByDisk, vmDisks},
	{&v1alpha1.WukongVM{}, VMByNetwork, vmNetworks},
	{&v1alpha1.WukongVM{}, VMByObservedAddress, vmAddresses},
	{&v1alpha1.WukongDisk{}, DiskByClaim, diskClaim},
	{&v1alpha1.WukongDisk{}, DiskByOwner, owningVM},
	{&v1alpha1.WukongDisk{}, DiskByHolder, diskHolder},
	{&v1alpha1.WukongDisk{}, DiskByOrigin, diskOrigin},
	{&v1alpha1.WukongDisk{}, DiskByRestore, diskRestore},
	{&v1alpha1.WukongNetwork{}, NetworkByOwner, owningVM},
	{&v1alpha1.WukongNetwork{}, NetworkByAttachment, networkAttachment},
	{&v1alpha1.WukongNetwork{}, NetworkByBridge, networkBridge},
	{&v1alpha1.WukongNetwork{}, NetworkBySegment, networkSegment},
	{&v1alpha1.WukongAddress{}, AddressBySegment, addressSegment},
	{&v1alpha1.WukongAddress{}, AddressByInterface, addressInterface},
	{&v1alpha1.WukongAddress{}, AddressByMachine, addressMachine},
	{&v1alpha1.WukongAddress{}, AddressByNetwork, addressNetwork},
	{&v1alpha1.WukongSnapshot{}, SnapshotByDisk, snapshotDisk},
	{&v1alpha1.WukongSnapshot{}, SnapshotByVM, snapshotVM},
	{&v1alpha1.WukongMigration{}, MigrationByVM, migrationVM},
	{&v1alpha1.WukongClone{}, CloneBySource, cloneSource},
	{&v1alpha1.WukongClone{}, CloneByTarget, cloneTarget},
	{&v1alpha1.WukongSnapshotSchedule{}, ScheduleBySource, scheduleSource},
	{&v1alpha1.WukongBackup{}, BackupBySnapshot, backupSnapshot},
	{&v1alpha1.WukongVM{}, VMBySnapshot, restoreSnapshots},
	{&corev1.PersistentVolumeClaim{}, ClaimByUID, uid},
	{&corev1.Event{}, FailureByClaim, ClaimsOfFailure},
}

// Of returns indexes of a type. It panics on a field without an index.
func Of(obj client.Object, fields ...string) []Entry {
	var entries []Entry
	for _, field := range fields {
		at := slices.IndexFunc(shared, func(entry Entry) bool {
			return entry.Field == field && reflect.TypeOf(entry.Of) == reflect.TypeOf(obj)
		})
		if at < 0 {
			panic(fmt.Sprintf("there is no index of %T by %s", obj, field))
		}
		entries = append(entries, shared[at])
	}
	return entries
}

// OfUmbrella returns the index of children by their Wukong.
func OfUmbrella(obj client.Object) Entry { return Entry{obj, ByUmbrellaUID, umbrellaUIDs} }

// Register adds each index once.
func Register(ctx context.Context, indexer client.FieldIndexer, entries []Entry) error {
	registered := map[string]bool{}
	for _, entry := range entries {
		key := fmt.Sprintf("%T by %s", entry.Of, entry.Field)
		if registered[key] {
			continue
		}
		registered[key] = true
		if err := indexer.IndexField(ctx, entry.Of, entry.Field, entry.Keys); err != nil {
			return fmt.Errorf("index %s: %w", key, err)
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

func snapshotVM(obj client.Object) []string {
	if ref := obj.(*v1alpha1.WukongSnapshot).Spec.Source.VMRef; ref != nil {
		return []string{ref.Name}
	}
	return nil
}

func migrationVM(obj client.Object) []string {
	return []string{obj.(*v1alpha1.WukongMigration).Spec.VMRef.Name}
}

func backupSnapshot(obj client.Object) []string {
	return []string{obj.(*v1alpha1.WukongBackup).Spec.SnapshotRef.Name}
}

func scheduleSource(obj client.Object) []string {
	return []string{model.ScheduleOrigin(obj.(*v1alpha1.WukongSnapshotSchedule)).Key()}
}

func cloneSource(obj client.Object) []string {
	return []string{model.CloneOrigin(obj.(*v1alpha1.WukongClone)).Key()}
}

func cloneTarget(obj client.Object) []string {
	return []string{obj.(*v1alpha1.WukongClone).Spec.TargetName}
}

func restoreSnapshots(obj client.Object) []string {
	vm := obj.(*v1alpha1.WukongVM)
	var names []string
	if restore := vm.Spec.Restore; restore != nil {
		names = append(names, restore.SnapshotRef.Name)
	}
	if status := vm.Status.Restore; status != nil && status.SafetySnapshotName != "" {
		names = append(names, status.SafetySnapshotName)
	}
	return names
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

func diskRestore(obj client.Object) []string {
	restore := obj.(*v1alpha1.WukongDisk).Status.Restore
	if restore == nil || restore.Phase != v1alpha1.DiskRestoreFilling || restore.VolumeSnapshotName == "" {
		return nil
	}
	return []string{restore.VolumeSnapshotName}
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

// Package content makes the files of a backup: the index, and the manifest that restores it. It reads and writes
// nothing.
//
// The manifest contains the WukongVM with its identity, each disk as a template that is filled from its file in the
// bucket, and the WukongNetworks that the WukongVM refers to. Whoever applies it does so with rights of their own.
package content

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/carry"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/mover"
)

// Inputs decide what the files contain.
type Inputs struct {
	Backup   *v1alpha1.WukongBackup
	Snapshot *v1alpha1.WukongSnapshot
	// Machine is the WukongVM as the snapshot keeps it; nil for a snapshot of one disk.
	Machine *v1alpha1.WukongVM
	// Disks are the WukongDisks of the namespace, by their names. One that does not exist is absent.
	Disks carry.LiveDisks
	// Networks are those that the WukongVM refers to and that exist.
	Networks []*v1alpha1.WukongNetwork
	// Copies are the disks that were copied.
	Copies []v1alpha1.BackupDiskStatus
}

// Folder is the URL of the folder of a backup.
func Folder(backup *v1alpha1.WukongBackup) string {
	return backup.Spec.Target.S3.URL + "/" + backup.Name
}

// FileName is the file of a disk in the folder of its backup.
func FileName(backup *v1alpha1.WukongBackup, disk string) string {
	name := disk + ".qcow2.gz"
	if backup.Spec.Target.S3.Encryption != nil {
		name += mover.EncryptedSuffix
	}
	return name
}

// ManifestURL is the URL of the manifest of a backup.
func ManifestURL(backup *v1alpha1.WukongBackup) string {
	return Folder(backup) + "/" + manifestFile(backup)
}

func manifestFile(backup *v1alpha1.WukongBackup) string {
	if backup.Spec.Target.S3.Encryption != nil {
		return mover.ManifestFile + mover.EncryptedSuffix
	}
	return mover.ManifestFile
}

// Files returns the files of a backup by their names, or why there can be none.
func (in Inputs) Files() (map[string]string, *operation.State) {
	objects, found := in.objects()
	if found != nil {
		return nil, found
	}
	manifest, err := in.manifest(objects)
	if err != nil {
		return nil, operation.Failed("the manifest cannot be made: %s", err)
	}
	index, err := json.MarshalIndent(in.index(), "", "  ")
	if err != nil {
		return nil, operation.Failed("the index cannot be made: %s", err)
	}
	return map[string]string{mover.ManifestFile: string(manifest), mover.IndexFile: string(index)}, nil
}

// index describes the backup for programs.
func (in Inputs) index() mover.Index {
	index := mover.Index{
		Version: mover.IndexVersion, Name: in.Backup.Name, Namespace: in.Backup.Namespace, Source: in.source(),
		Consistency: string(in.Snapshot.Status.Consistency), Encrypted: in.Backup.Spec.Target.S3.Encryption != nil,
		Manifest: manifestFile(in.Backup),
	}
	if at := in.Snapshot.Status.TakenAt; at != nil {
		index.TakenAt = at.UTC()
	}
	for _, copied := range in.Copies {
		index.Disks = append(index.Disks, mover.IndexDisk{
			Name: copied.Name, File: FileName(in.Backup, copied.Name), SizeBytes: copied.SizeBytes, Checksum: copied.Checksum,
		})
	}
	return index
}

// source names what the snapshot was taken of.
func (in Inputs) source() string {
	if reference := in.Snapshot.Spec.Source.DiskRef; reference != nil {
		return "WukongDisk/" + reference.Name
	}
	return "WukongVM/" + in.Snapshot.Spec.Source.VMRef.Name
}

// objects are what the manifest consists of: networks first, because the WukongVM needs them.
func (in Inputs) objects() ([]client.Object, *operation.State) {
	if in.Snapshot.Spec.Source.DiskRef != nil {
		disk, found := in.single()
		return []client.Object{disk}, found
	}
	vm, found := in.machine()
	if found != nil {
		return nil, found
	}
	var objects []client.Object
	for _, network := range in.Networks {
		objects = append(objects, &v1alpha1.WukongNetwork{
			ObjectMeta: metav1.ObjectMeta{Name: network.Name, Labels: carry.Metadata(in.pseudo(), network, nil).Labels},
			Spec:       *network.Spec.DeepCopy(),
		})
	}
	return append(objects, vm), nil
}

// pseudo is the clone by which package carry makes the result: the same name, the same identity, and all disks that
// were copied.
func (in Inputs) pseudo() *v1alpha1.WukongClone {
	clone := &v1alpha1.WukongClone{ObjectMeta: metav1.ObjectMeta{Namespace: in.Backup.Namespace, Name: in.Backup.Name}}
	clone.Spec.Identity = v1alpha1.IdentityKeep
	clone.Spec.Source.SnapshotRef = &v1alpha1.LocalObjectReference{Name: in.Snapshot.Name}
	if in.Machine == nil {
		return clone
	}
	clone.Spec.TargetName, clone.Spec.PowerState = in.Machine.Name, in.Machine.Spec.PowerState
	for i := range in.Machine.Spec.Disks {
		entry := &in.Machine.Spec.Disks[i]
		if entry.Type == v1alpha1.DiskTypeCDROM {
			continue // an empty drive
		}
		choice := v1alpha1.CloneDisk{Name: entry.Name, Action: v1alpha1.CloneActionClone}
		if in.copyOf(entry.Name) == nil {
			choice.Action = v1alpha1.CloneActionOmit
		}
		clone.Spec.Disks = append(clone.Spec.Disks, choice)
	}
	return clone
}

func (in Inputs) copyOf(disk string) *v1alpha1.BackupDiskStatus {
	at := slices.IndexFunc(in.Copies, func(copied v1alpha1.BackupDiskStatus) bool { return copied.Name == disk })
	if at < 0 {
		return nil
	}
	return &in.Copies[at]
}

// machine is the WukongVM. What a clone does not take over, because it belongs to another user or exists twice, is
// restored.
func (in Inputs) machine() (*v1alpha1.WukongVM, *operation.State) {
	recorded := carry.Recorded(in.Machine, in.Snapshot, in.Disks)
	for name, disk := range recorded {
		recorded[name] = in.portable(name, disk)
	}
	made, found := carry.Inputs{
		Clone: in.pseudo(), Source: in.Machine, Snapshot: in.Snapshot.Name, Disks: recorded, ByUser: true,
	}.Machine()
	if found != nil {
		return nil, found
	}
	spec, before := &made.Spec, &in.Machine.Spec
	spec.WukongRef, spec.Services, spec.CloneableFrom = before.WukongRef, before.Services, before.CloneableFrom
	spec.PowerState = before.PowerState
	for i := range spec.Disks {
		if template := spec.Disks[i].Template; template != nil {
			template.Spec.Source = in.fileOf(spec.Disks[i].Name)
		}
	}
	in.origin(made)
	return made, nil
}

// portable leaves the StorageClass to the other cluster unless the spec names one.
func (in Inputs) portable(name string, disk carry.Disk) carry.Disk {
	named := disk.Live != nil && disk.Live.Spec.StorageClassName != nil
	for i := range in.Machine.Spec.Disks {
		if entry := &in.Machine.Spec.Disks[i]; entry.Name == name && entry.Template != nil {
			named = entry.Template.Spec.StorageClassName != nil
		}
	}
	if !named {
		disk.StorageClassName = ""
	}
	return disk
}

// single is the WukongDisk of a snapshot of one disk.
func (in Inputs) single() (*v1alpha1.WukongDisk, *operation.State) {
	name := in.Snapshot.Spec.Source.DiskRef.Name
	live, clone := in.Disks[name], in.pseudo()
	clone.Spec.TargetName = name
	made, found := carry.FromSnapshot(clone, in.Snapshot, live)
	if found != nil {
		return nil, found
	}
	if live == nil || live.Spec.StorageClassName == nil {
		made.Spec.StorageClassName = nil
	}
	if live != nil {
		made.Spec.WukongRef, made.Spec.CloneableFrom = live.Spec.WukongRef, live.Spec.CloneableFrom
	}
	made.Spec.Source = in.fileOf(name)
	in.origin(made)
	return made, nil
}

// origin replaces the annotations of a clone. The namespace is that of whoever applies the manifest.
func (in Inputs) origin(made client.Object) {
	annotations := made.GetAnnotations()
	delete(annotations, v1alpha1.AnnotationClonedBy)
	delete(annotations, v1alpha1.AnnotationClonedFrom)
	annotations[v1alpha1.AnnotationRestoredFrom] = Folder(in.Backup)
	made.SetAnnotations(annotations)
	made.SetNamespace("")
}

// fileOf is the source of a disk.
func (in Inputs) fileOf(disk string) *v1alpha1.WukongDiskSource {
	target, copied := in.Backup.Spec.Target.S3, in.copyOf(disk)
	if copied == nil {
		return nil // a disk that was left out is blank
	}
	return &v1alpha1.WukongDiskSource{S3: &v1alpha1.S3Source{
		URL: copied.Location, Region: target.Region, SecretRef: ptr.To(target.SecretRef),
		CertConfigMapRef: target.CertConfigMapRef, Checksum: copied.Checksum, Encryption: target.Encryption,
	}}
}

// manifest is the objects as YAML, after comments for whoever restores them.
func (in Inputs) manifest(objects []client.Object) ([]byte, error) {
	text := &strings.Builder{}
	in.comment(text)
	for _, object := range objects {
		document, err := in.document(object)
		if err != nil {
			return nil, err
		}
		text.WriteString("---\n")
		text.Write(document)
	}
	return []byte(text.String()), nil
}

// comment explains how the manifest is used, and what it does not contain.
func (in Inputs) comment(text *strings.Builder) {
	line := func(format string, arguments ...any) { fmt.Fprintf(text, "# "+format+"\n", arguments...) }
	line("%s of namespace %s, as it was at %s.", strings.Replace(in.source(), "/", " ", 1), in.Backup.Namespace,
		in.index().TakenAt.Format("2006-01-02T15:04:05Z07:00"))
	line("To restore it:  kubectl create --namespace NAMESPACE --filename THIS-FILE")
	line("What exists already is not changed. These objects must exist in the namespace:")
	target := in.Backup.Spec.Target.S3
	line("- Secret %s (accessKeyId, secretKey): to read the bucket", target.SecretRef.Name)
	if target.CertConfigMapRef != nil {
		line("- ConfigMap %s: CA certificates of the bucket's server", target.CertConfigMapRef.Name)
	}
	if target.Encryption != nil {
		line("- Secret %s (identity): to decrypt the disks", target.Encryption.SecretRef.Name)
	}
	if in.Machine == nil {
		return
	}
	for _, name := range model.SecretNames(in.Machine) {
		line("- Secret %s: of cloud-init", name)
	}
	for _, name := range carry.ReferencesOf(in.Machine).Networks {
		if !slices.ContainsFunc(in.Networks, func(one *v1alpha1.WukongNetwork) bool { return one.Name == name }) {
			line("- WukongNetwork %s: it did not exist when the backup was made", name)
		}
	}
	for _, excluded := range in.Snapshot.Status.Excluded {
		line("Disk %s is not part of the backup: %s", excluded.Name, excluded.Reason)
	}
}

// document is one object without what the API server sets.
func (in Inputs) document(object client.Object) ([]byte, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	delete(fields, "status")
	if metadata, ok := fields["metadata"].(map[string]any); ok {
		delete(metadata, "creationTimestamp")
	}
	fields["apiVersion"], fields["kind"] = v1alpha1.GroupVersion.String(), kindOf(object).Kind
	return yaml.Marshal(fields)
}

func kindOf(object client.Object) schema.GroupVersionKind {
	switch object.(type) {
	case *v1alpha1.WukongVM:
		return v1alpha1.GroupVersion.WithKind("WukongVM")
	case *v1alpha1.WukongDisk:
		return v1alpha1.GroupVersion.WithKind("WukongDisk")
	default:
		return v1alpha1.GroupVersion.WithKind("WukongNetwork")
	}
}

package backing

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/protocol/copies"
	"github.com/novasphere/wukong/controllers/internal/read"
)

// Read finds the DataVolume and the claim that hold a disk. ImporterServed reports whether the cluster serves
// DataVolumes.
func Read(ctx context.Context, reader client.Reader, disk *v1alpha1.WukongDisk, importerServed bool) (View, error) {
	view := View{Disk: disk}
	var err error
	if view.Copies, err = readCopies(ctx, reader, disk, importerServed); err != nil {
		return view, err
	}
	view.DataVolume = view.Copies.DataVolume
	if view.DataVolume == nil && importerServed && !disk.AdoptsClaim() {
		view.DataVolume, err = read.Get(ctx, reader, disk.Namespace, view.Copies.Current, &cdiv1.DataVolume{})
		if err != nil {
			return view, err
		}
	}
	view.Claim, err = read.Get(ctx, reader, disk.Namespace, view.Copies.Current, &corev1.PersistentVolumeClaim{})
	return view, err
}

// readCopies finds the name of the claim that holds a disk. A disk that was never moved nor restored, according to its
// spec and its status, needs no list of DataVolumes. One whose status was lost needs it: it must not be filled from its
// source again.
func readCopies(
	ctx context.Context, reader client.Reader, disk *v1alpha1.WukongDisk, importerServed bool,
) (copies.Copies, error) {
	found := copies.Copies{Current: disk.ClaimName()}
	if !importerServed && !disk.AdoptsClaim() && disk.Status.ClaimName != "" {
		found.Current = disk.Status.ClaimName
	}
	isFirst := disk.Status.ClaimName == disk.Name && disk.Status.Move == nil && disk.Status.Restore == nil
	if disk.AdoptsClaim() || !importerServed || disk.Generation <= 1 && isFirst {
		return found, nil
	}
	list := &cdiv1.DataVolumeList{}
	err := reader.List(ctx, list,
		client.InNamespace(disk.Namespace), client.MatchingLabels{v1alpha1.LabelDisk: string(disk.UID)})
	if err != nil {
		return found, fmt.Errorf("list the DataVolumes of disk %s: %w", disk.Name, err)
	}
	var made []*cdiv1.DataVolume
	for i := range list.Items {
		if model.Belongs(&list.Items[i], disk) {
			made = append(made, &list.Items[i])
		}
	}
	return withFirst(ctx, reader, disk, copies.Arrange(disk, made))
}

// withFirst adds the DataVolume that a disk began with to those that no longer hold it, if it still exists.
func withFirst(
	ctx context.Context, reader client.Reader, disk *v1alpha1.WukongDisk, found copies.Copies,
) (copies.Copies, error) {
	if found.Current == disk.Name {
		return found, nil
	}
	first, err := read.Get(ctx, reader, disk.Namespace, disk.Name, &cdiv1.DataVolume{})
	if err != nil {
		return found, err
	}
	if first != nil && model.Belongs(first, disk) {
		found.Retire(first)
	}
	return found, nil
}

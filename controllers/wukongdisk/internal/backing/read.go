package backing

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/protocol/diskmove"
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

// readCopies finds the name of the claim that holds a disk. A disk whose spec never changed did not move, and needs no
// list of DataVolumes.
func readCopies(
	ctx context.Context, reader client.Reader, disk *v1alpha1.WukongDisk, importerServed bool,
) (diskmove.Copies, error) {
	copies := diskmove.Copies{Current: disk.ClaimName()}
	if !importerServed && !disk.AdoptsClaim() && disk.Status.ClaimName != "" {
		copies.Current = disk.Status.ClaimName
	}
	if disk.AdoptsClaim() || !importerServed || disk.Generation <= 1 && disk.Status.Move == nil {
		return copies, nil
	}
	list := &cdiv1.DataVolumeList{}
	err := reader.List(ctx, list,
		client.InNamespace(disk.Namespace), client.MatchingLabels{v1alpha1.LabelDisk: string(disk.UID)})
	if err != nil {
		return copies, fmt.Errorf("list the DataVolumes of disk %s: %w", disk.Name, err)
	}
	var moved []*cdiv1.DataVolume
	for i := range list.Items {
		if model.Belongs(&list.Items[i], disk) {
			moved = append(moved, &list.Items[i])
		}
	}
	copies = diskmove.Arrange(disk.Name, moved)
	if copies.DataVolume == nil && disk.Status.ClaimName != "" && disk.Status.ClaimName != disk.Name {
		// A user deleted the DataVolume of a claim that the disk moved to. The disk stays on that claim, and is not
		// filled from its source again.
		copies.Current = disk.Status.ClaimName
	}
	return withFirst(ctx, reader, disk, copies)
}

// withFirst adds the DataVolume that a disk began with to the stale ones, if the disk moved and it still exists.
func withFirst(
	ctx context.Context, reader client.Reader, disk *v1alpha1.WukongDisk, copies diskmove.Copies,
) (diskmove.Copies, error) {
	if copies.Current == disk.Name {
		return copies, nil
	}
	first, err := read.Get(ctx, reader, disk.Namespace, disk.Name, &cdiv1.DataVolume{})
	if err != nil {
		return copies, err
	}
	if first != nil && model.Belongs(first, disk) {
		copies.Stale = append(copies.Stale, first)
	}
	return copies, nil
}

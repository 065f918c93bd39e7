// Package usage reads which WukongVMs may write to a disk.
package usage

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
)

// Writers returns model.Writers of a disk. The reader needs the index VMByDisk.
func Writers(ctx context.Context, reader client.Reader, disk *v1alpha1.WukongDisk) ([]string, error) {
	vms, err := users(ctx, reader, disk)
	return model.Writers(disk, vms), err
}

// Guests returns model.Guests of a disk. The reader needs the index VMByDisk.
func Guests(ctx context.Context, reader client.Reader, disk *v1alpha1.WukongDisk) ([]string, error) {
	vms, err := users(ctx, reader, disk)
	return model.Guests(disk, vms), err
}

func users(ctx context.Context, reader client.Reader, disk *v1alpha1.WukongDisk) ([]v1alpha1.WukongVM, error) {
	vms := &v1alpha1.WukongVMList{}
	err := reader.List(ctx, vms, client.InNamespace(disk.Namespace), client.MatchingFields{index.VMByDisk: disk.Name})
	if err != nil {
		return nil, fmt.Errorf("list the WukongVMs that use disk %s: %w", disk.Name, err)
	}
	return vms.Items, nil
}

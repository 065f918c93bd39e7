package csi

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// properties are those of claims of a class, best first: CDI takes the first for a DataVolume that does not say.
func properties(class testbed.StorageClass) []any {
	if class.Shared {
		return []any{claim("ReadWriteMany", "Filesystem"), claim("ReadWriteOnce", "Filesystem"),
			claim("ReadWriteMany", "Block")}
	}
	return []any{claim("ReadWriteOnce", "Filesystem"), claim("ReadWriteOnce", "Block")}
}

func claim(accessMode, volumeMode string) map[string]any {
	return map[string]any{"accessModes": []any{accessMode}, "volumeMode": volumeMode}
}

// DescribeToCDI tells CDI what our StorageClasses can do. Without CDI there is nothing to do.
func DescribeToCDI(ctx context.Context, cluster *addon.Cluster) error {
	definition := &unstructured.Unstructured{}
	definition.SetAPIVersion("apiextensions.k8s.io/v1")
	definition.SetKind("CustomResourceDefinition")
	err := cluster.Client.Get(ctx, client.ObjectKey{Name: "storageprofiles.cdi.kubevirt.io"}, definition)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for CDI: %w", err)
	}
	for _, class := range testbed.StorageClasses() {
		profile := &unstructured.Unstructured{Object: map[string]any{
			"spec": map[string]any{"claimPropertySets": properties(class), "cloneStrategy": "csi-clone",
				"snapshotClass": testbed.SnapshotClass},
		}}
		profile.SetAPIVersion("cdi.kubevirt.io/v1beta1")
		profile.SetKind("StorageProfile")
		profile.SetName(class.Name)
		if err := cluster.Apply(ctx, profile); err != nil {
			return fmt.Errorf("describe StorageClass %s to CDI: %w", class.Name, err)
		}
	}
	return nil
}

package csi

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
)

// profiles are the properties of claims by class, best first: CDI takes the first for a DataVolume that does not say.
var profiles = map[string][]any{
	"wukong-shared": {claim("ReadWriteMany", "Filesystem"), claim("ReadWriteOnce", "Filesystem"), claim("ReadWriteMany", "Block")},
	"wukong-fixed":  {claim("ReadWriteMany", "Filesystem"), claim("ReadWriteOnce", "Filesystem"), claim("ReadWriteMany", "Block")},
	"wukong-local":  {claim("ReadWriteOnce", "Filesystem"), claim("ReadWriteOnce", "Block")},
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
	for class, properties := range profiles {
		profile := &unstructured.Unstructured{Object: map[string]any{
			"spec": map[string]any{"claimPropertySets": properties, "cloneStrategy": "csi-clone", "snapshotClass": "wukong"},
		}}
		profile.SetAPIVersion("cdi.kubevirt.io/v1beta1")
		profile.SetKind("StorageProfile")
		profile.SetName(class)
		if err := cluster.Apply(ctx, profile); err != nil {
			return fmt.Errorf("describe StorageClass %s to CDI: %w", class, err)
		}
	}
	return nil
}

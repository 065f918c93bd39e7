package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of all Wukong kinds.
const GroupName = "vm.novasphere.dev"

// GroupVersion is the group and version of this package.
var GroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1alpha1"}

var (
	schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme registers the kinds of this package in a scheme.
	AddToScheme = schemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&Wukong{}, &WukongList{},
		&WukongVM{}, &WukongVMList{},
		&WukongDisk{}, &WukongDiskList{},
		&WukongNetwork{}, &WukongNetworkList{},
		&WukongAddress{}, &WukongAddressList{},
		&WukongHostNetworkPolicy{}, &WukongHostNetworkPolicyList{},
		&WukongSnapshot{}, &WukongSnapshotList{},
		&WukongClone{}, &WukongCloneList{},
		&WukongMigration{}, &WukongMigrationList{},
		&WukongImage{}, &WukongImageList{},
		&WukongExport{}, &WukongExportList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

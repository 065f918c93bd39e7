package umbrella

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Kind is a kind whose objects can belong to a Wukong.
type Kind struct {
	Name string
	// Operation: its objects are something that is done to the parts of an application, and no parts of it.
	Operation bool
	// New makes an empty object, NewList an empty list of the kind.
	New     func() client.Object
	NewList func() client.ObjectList
}

// Kinds are the kinds of children, causes before consequences: a machine that waits for a disk is not ready because of the disk.
// A kind is listed when its CustomResourceDefinition is installed with the operator, because a manager does not start with a
// watch on a kind that is not served.
var Kinds = []Kind{
	{
		Name:    "WukongNetwork",
		New:     func() client.Object { return &v1alpha1.WukongNetwork{} },
		NewList: func() client.ObjectList { return &v1alpha1.WukongNetworkList{} },
	},
	{
		Name:    "WukongImage",
		New:     func() client.Object { return &v1alpha1.WukongImage{} },
		NewList: func() client.ObjectList { return &v1alpha1.WukongImageList{} },
	},
	{
		Name:    "WukongDisk",
		New:     func() client.Object { return &v1alpha1.WukongDisk{} },
		NewList: func() client.ObjectList { return &v1alpha1.WukongDiskList{} },
	},
	{
		Name:    "WukongVM",
		New:     func() client.Object { return &v1alpha1.WukongVM{} },
		NewList: func() client.ObjectList { return &v1alpha1.WukongVMList{} },
	},
	{
		Name:      "WukongSnapshot",
		Operation: true,
		New:       func() client.Object { return &v1alpha1.WukongSnapshot{} },
		NewList:   func() client.ObjectList { return &v1alpha1.WukongSnapshotList{} },
	},
	{
		Name:      "WukongExport",
		Operation: true,
		New:       func() client.Object { return &v1alpha1.WukongExport{} },
		NewList:   func() client.ObjectList { return &v1alpha1.WukongExportList{} },
	},
}

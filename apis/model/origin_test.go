package model

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestOriginOf(t *testing.T) {
	for name, test := range map[string]struct {
		source   *v1alpha1.WukongDiskSource
		expected string // the key; empty for a disk that is no clone
	}{
		"blank":    {nil, ""},
		"imported": {&v1alpha1.WukongDiskSource{HTTP: &v1alpha1.HTTPSource{}}, ""},
		"a clone of a disk": {&v1alpha1.WukongDiskSource{
			Clone: &v1alpha1.DiskCloneSource{Kind: KindDisk, Name: "golden"}}, "WukongDisk/shop/golden"},
		"a clone from another namespace": {&v1alpha1.WukongDiskSource{
			Clone: &v1alpha1.DiskCloneSource{Kind: KindClaim, Namespace: "images", Name: "golden"},
		}, "PersistentVolumeClaim/images/golden"},
		"of a snapshot": {&v1alpha1.WukongDiskSource{
			Snapshot: &v1alpha1.DiskSnapshotSource{Kind: KindSnapshot, Name: "monday"}}, "VolumeSnapshot/shop/monday"},
		"of an image": {&v1alpha1.WukongDiskSource{
			Image: &v1alpha1.DiskImageSource{Namespace: "images", Name: "debian"}}, "WukongImage/images/debian"},
	} {
		disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}}
		disk.Spec.Source = test.source
		origin, ok := OriginOf(disk)
		expect(t, test.expected != "", ok, name)
		if ok {
			expect(t, test.expected, origin.Key(), name)
		}
	}
	expect(t, "WukongImage images/debian",
		Origin{Kind: KindImage, Namespace: "images", Name: "debian"}.String(), "in a message")
}

func TestExportedDisk(t *testing.T) {
	boots := true
	vm := listing("web", "data", "root")
	vm.Spec.Disks[1].Boot = &boots
	vm.Spec.Disks = append(vm.Spec.Disks, v1alpha1.VMDisk{Name: "drive", Type: v1alpha1.DiskTypeCDROM})
	names := func(name string) []string {
		var found []string
		for _, disk := range ExportableDisks(vm, name) {
			found = append(found, disk.Name)
		}
		return found
	}
	expectList(t, []string{"data", "root"}, names(""), "a medium in a drive is not the machine's disk")
	expectList(t, []string{"data"}, names("data"), "by its name")
	expectList(t, []string{"drive"}, names("drive"), "by its name it is")
	expectList(t, nil, names("other"), "one that does not exist")

	of := func(source v1alpha1.ExportSource) *v1alpha1.WukongExport {
		return &v1alpha1.WukongExport{Spec: v1alpha1.WukongExportSpec{Source: source}}
	}
	byName := of(v1alpha1.ExportSource{VM: &v1alpha1.ExportVMSource{Name: "web", Disk: "data"}})
	expect(t, "data", ExportedDisk(byName, vm), "a named disk of a machine")
	expect(t, "", ExportedDisk(byName, nil), "a machine that does not exist")
	expect(t, "", ExportedDisk(of(v1alpha1.ExportSource{VM: &v1alpha1.ExportVMSource{Name: "web"}}), vm),
		"one of several")
	expect(t, "root",
		ExportedDisk(of(v1alpha1.ExportSource{DiskRef: &v1alpha1.LocalObjectReference{Name: "root"}}), nil), "a disk")
	vm.Spec.Disks = nil
	expectList(t, nil, names(""), "a machine without disks")
}

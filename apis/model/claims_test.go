package model

import (
	"testing"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestClaimsOf(t *testing.T) {
	disk := &v1alpha1.WukongDisk{ObjectMeta: named("root")}
	expectList(t, []string{"root"}, ClaimsOf(disk).All(), "a new disk")
	expect(t, false, ClaimsOf(disk).Hold("root"), "nobody knows yet whose claim that is")
	expect(t, false, ClaimsOf(disk).Hold(""), "no claim")

	disk.Status.ClaimName = "root"
	expectList(t, []string{"root"}, ClaimsOf(disk).All(), "a disk that has its claim")
	expect(t, true, ClaimsOf(disk).Hold("root"), "its claim")

	disk.Status.ClaimName, disk.Status.Move = "root-2", &v1alpha1.DiskMove{TargetClaimName: "root-3"}
	expect(t, Claims{First: "root", Current: "root-2", Target: "root-3"}, ClaimsOf(disk), "a disk that moves again")
	expectList(t, []string{"root", "root-2", "root-3"}, ClaimsOf(disk).All(), "a disk that moves again")
	expect(t, false, ClaimsOf(disk).Hold("root"), "it has left the first one")
	expect(t, true, ClaimsOf(disk).Hold("root-2"), "the current one")
	expect(t, true, ClaimsOf(disk).Hold("root-3"), "the next one")

	disk.Spec.Source = &v1alpha1.WukongDiskSource{PersistentVolumeClaim: &v1alpha1.ClaimSource{Name: "found"}}
	expect(t, "found", ClaimsOf(disk).First, "an adopted claim")
}

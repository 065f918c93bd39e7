package model

import (
	"net"
	"regexp"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// expect fails when a value is not the expected one.
func expect[T comparable](t *testing.T, expected, found T, what string) {
	t.Helper()
	if found != expected {
		t.Errorf("%s: %v, expected %v", what, found, expected)
	}
}

// TestChildIsFixedForEver: users' disks have these names, so that a changed name is a loss of data.
func TestChildIsFixedForEver(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, test := range []struct{ owner, part, wanted string }{
		{"web", "root", "web-root"},
		{"web-1", "root", "web-1-root"},
		{"a-b", "c", "a-b-c"},
		{"a", "b-c", "a-b-c-02654a5c"},
		{"web", "deadbeef", "web-deadbeef-f4b24094"},
		{"web", "deadbee", "web-deadbee"},
		{strings.Repeat("a", 58), "root", strings.Repeat("a", 58) + "-root"},
		{strings.Repeat("a", 59), "root", strings.Repeat("a", 54) + "-95e22ece"},
		{long, "root", strings.Repeat("a", 54) + "-b13324ff"},
		{strings.Repeat("a", 53) + "-b", "root-1", strings.Repeat("a", 53) + "-d41b1bd9"},
	} {
		expect(t, test.wanted, Child(test.owner, test.part), "owner "+test.owner+", part "+test.part)
	}
}

// TestB19ChildrenOfDifferentOwnersNeverShareAName tests every pair of short names over an alphabet that includes the
// hyphen.
func TestB19ChildrenOfDifferentOwnersNeverShareAName(t *testing.T) {
	names := shortNames()
	pairOf := map[string][2]string{}
	for _, owner := range names {
		for _, part := range names {
			name := Child(owner, part)
			if other, taken := pairOf[name]; taken {
				t.Fatalf("%q and %q both give %s", other, [2]string{owner, part}, name)
			}
			pairOf[name] = [2]string{owner, part}
		}
	}
}

// TestB19ADigestAsAPartDoesNotMeetADigest: a user can give a disk a name that is the digest of another.
func TestB19ADigestAsAPartDoesNotMeetADigest(t *testing.T) {
	hashed := Child("a", "b-c")
	cut := strings.LastIndex(hashed, "-")
	if Child(hashed[:cut], hashed[cut+1:]) == hashed {
		t.Errorf("two pairs give %s", hashed)
	}
}

func FuzzChild(f *testing.F) {
	f.Add("web", "root", "we", "b-root")
	f.Add("a", "b-c", "a-b", "c")
	f.Add(strings.Repeat("a", 63), "root", strings.Repeat("a", 62)+"b", "root")
	f.Fuzz(func(t *testing.T, owner, part, otherOwner, otherPart string) {
		for _, given := range []string{owner, part, otherOwner, otherPart} {
			if len(validation.IsDNS1123Label(given)) > 0 {
				t.Skip("no label")
			}
		}
		name := Child(owner, part)
		if faults := validation.IsDNS1123Label(name); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
		expect(t, name, Child(owner, part), "the same again")
		pair, other := [2]string{owner, part}, [2]string{otherOwner, otherPart}
		if pair != other && Child(otherOwner, otherPart) == name {
			t.Errorf("%q and %q both give %s", pair, other, name)
		}
	})
}

func TestNamesOfDisksAndNetworks(t *testing.T) {
	vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
	reference := &v1alpha1.LocalObjectReference{Name: "shared"}
	expect(t, "web-root",
		DiskName(vm, &v1alpha1.VMDisk{Name: "root", Template: &v1alpha1.DiskTemplate{}}), "a disk by template")
	expect(t, "shared", DiskName(vm, &v1alpha1.VMDisk{Name: "data", DiskRef: reference}), "a disk by reference")
	expect(t, "", DiskName(vm, &v1alpha1.VMDisk{Name: "drive"}), "an empty drive")
	expect(t, "web-lan",
		NetworkName(vm, &v1alpha1.VMNetwork{Name: "lan", Template: &v1alpha1.NetworkTemplate{}}),
		"a network by template")
	expect(t, "shared", NetworkName(vm, &v1alpha1.VMNetwork{Name: "lan", NetworkRef: reference}),
		"a network by reference")
	expect(t, "", NetworkName(vm, &v1alpha1.VMNetwork{Name: "default"}), "the pod network")
}

// Users and scripts rely on the names of Secrets, Services and policies.
func TestNamesOfOtherChildrenAreFixedForEver(t *testing.T) {
	vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
	export := &v1alpha1.WukongExport{ObjectMeta: metav1.ObjectMeta{Name: "nightly"}}
	expect(t, "web-cloudinit", CloudInitSecretName(vm), "Secret")
	expect(t, "web-http", ServiceName(vm, &v1alpha1.VMService{Name: "http"}), "Service")
	expect(t, "web-policy", NetworkPolicyName(vm), "NetworkPolicy")
	expect(t, "nightly-mover", ExportJobName(export), "Job")
	expect(t, "nightly-restored", ExportClaimName(export), "claim")
	expect(t, "nightly-download", ExportDownloadName(export), "download")
}

// The label with the DataImportCron's name determines which imports are deleted: two images must not have the same name
// in it, nor an image that was deleted and created again.
func TestImportCronNameIsOfOneObject(t *testing.T) {
	image := func(uid types.UID) *v1alpha1.WukongImage {
		return &v1alpha1.WukongImage{ObjectMeta: metav1.ObjectMeta{Name: "debian", UID: uid}}
	}
	name := ImportCronName(image("uid"))
	expect(t, name, ImportCronName(image("uid")), "the same object")
	if name == ImportCronName(image("another-uid")) {
		t.Errorf("two objects have %s", name)
	}
	if !regexp.MustCompile(`^debian-i[0-9a-f]{8}$`).MatchString(name) {
		t.Errorf("unexpected form: %s", name)
	}
}

func derived(uid types.UID, interfaceName string) string {
	return MAC(&v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{UID: uid}}, &v1alpha1.VMNetwork{Name: interfaceName})
}

// TestMACIsFixedForEver: a guest knows its interfaces by these addresses.
func TestMACIsFixedForEver(t *testing.T) {
	expect(t, "ee:44:86:91:5c:11", derived("5f9d7c0e-4c0e-4d3a-9d6b-0f6a5b8f1a11", "default"), "derived")
	given := &v1alpha1.VMNetwork{Name: "default", MACAddress: "02:00:00:00:00:01"}
	expect(t, given.MACAddress, MAC(&v1alpha1.WukongVM{}, given), "given")
}

func TestMACDiffersByMachineAndInterface(t *testing.T) {
	seen := map[string]bool{}
	for _, uid := range []types.UID{"", "a", "b", "ab"} {
		for _, name := range []string{"", "c", "bc", "lan"} {
			address := derived(uid, name)
			if seen[address] {
				t.Errorf("%s of %s has the address of another: %s", name, uid, address)
			}
			seen[address] = true
		}
	}
}

func FuzzMAC(f *testing.F) {
	f.Add("5f9d7c0e-4c0e-4d3a-9d6b-0f6a5b8f1a11", "default")
	lowerCase := regexp.MustCompile(`^[0-9a-f]{2}(:[0-9a-f]{2}){5}$`)
	f.Fuzz(func(t *testing.T, uid, interfaceName string) {
		text := derived(types.UID(uid), interfaceName)
		address, err := net.ParseMAC(text)
		if err != nil || !lowerCase.MatchString(text) {
			t.Fatalf("%s is not six lower-case hexadecimal bytes: %v", text, err)
		}
		expect(t, 0, address[0]&0x01, "unicast")
		expect(t, 0x02, address[0]&0x02, "locally administered")
		expect(t, text, derived(types.UID(uid), interfaceName), "the same again")
	})
}

// shortNames are the DNS-1123 labels of up to five characters over a, b and the hyphen.
func shortNames() []string {
	var names []string
	level := []string{""}
	for range 5 {
		var next []string
		for _, prefix := range level {
			for _, letter := range []string{"a", "b", "-"} {
				next = append(next, prefix+letter)
			}
		}
		level = next
		for _, name := range level {
			if len(validation.IsDNS1123Label(name)) == 0 {
				names = append(names, name)
			}
		}
	}
	return names
}

// A clone's temporary snapshot has a name of its own, whatever other clones are called, and it is a label.
func TestCloneSnapshotName(t *testing.T) {
	clone := &v1alpha1.WukongClone{ObjectMeta: metav1.ObjectMeta{Name: "copy", UID: "0123456789abcdef"}}
	expect(t, "copy-01234567", CloneSnapshotName(clone), "short")
	clone.Name = strings.Repeat("a", 53) + "-" + strings.Repeat("b", 100)
	expect(t, strings.Repeat("a", 53)+"-01234567", CloneSnapshotName(clone), "long")
}

func TestCloneOrigin(t *testing.T) {
	clone := &v1alpha1.WukongClone{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}}
	reference := &v1alpha1.LocalObjectReference{Name: "web"}
	clone.Spec.Source = v1alpha1.CloneSource{VMRef: reference}
	expect(t, Origin{KindMachine, "shop", "web"}, CloneOrigin(clone), "a WukongVM")
	clone.Spec.Source = v1alpha1.CloneSource{DiskRef: reference, Namespace: "lab"}
	expect(t, Origin{KindDisk, "lab", "web"}, CloneOrigin(clone), "a disk of another namespace")
	clone.Spec.Source = v1alpha1.CloneSource{SnapshotRef: reference}
	expect(t, Origin{KindWukongSnapshot, "shop", "web"}, CloneOrigin(clone), "a snapshot")
}

func TestFirmware(t *testing.T) {
	vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{UID: "1"}}
	expect(t, "1 1", string(FirmwareUUID(vm))+" "+FirmwareSerial(vm), "derived")
	vm.Spec.Firmware = &v1alpha1.Firmware{UUID: "2", Serial: "3"}
	expect(t, "2 3", string(FirmwareUUID(vm))+" "+FirmwareSerial(vm), "given")
}

// A WukongExport of that name must be accepted: its name begins with a letter, and has no dot.
func TestBackupExportName(t *testing.T) {
	named := func(name string) *v1alpha1.WukongBackup {
		return &v1alpha1.WukongBackup{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}
	expect(t, "web-20260301-0300-disk-root-"+digestOf("web-20260301-0300", "disk-root"),
		BackupExportName(named("web-20260301-0300"), "root"), "a schedule's")
	expect(t, "backup-9to5-disk-root-"+digestOf("backup-9to5", "disk-root"), BackupExportName(named("9to5"), "root"),
		"one that begins with a digit")
	expect(t, BackupExportName(named("web"), "a-b"), BackupExportName(named("web"), "a.b"), "a disk with a dot")
}

func digestOf(owner, part string) string {
	name := Child(owner, part)
	return name[strings.LastIndex(name, "-")+1:]
}

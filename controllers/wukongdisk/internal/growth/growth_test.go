package growth

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestGrowthWanted(t *testing.T) {
	filled := func() *cdiv1.DataVolume { return sized(dataVolumeIn(cdiv1.Succeeded), "10Gi") }
	tests := map[string]struct {
		disk   *v1alpha1.WukongDisk
		in     Inputs
		wanted bool
	}{
		"as large as it was made": {
			diskWith(ofSize("10Gi")), Inputs{DataVolume: filled(), Claim: grown("11Gi", "", "11Gi")}, false,
		},
		"the same in other words": {
			diskWith(ofSize("10240Mi")), Inputs{DataVolume: filled(), Claim: grown("11Gi", "", "11Gi")}, false,
		},
		"larger": {
			diskWith(ofSize("10241Mi")), Inputs{DataVolume: filled(), Claim: grown("11Gi", "", "11Gi")}, true,
		},
		"larger, and asked for already": {
			diskWith(ofSize("20Gi")), Inputs{DataVolume: filled(), Claim: grown("22Gi", "20Gi", "11Gi")}, false,
		},
		"larger once more": {
			diskWith(ofSize("30Gi")), Inputs{DataVolume: filled(), Claim: grown("22Gi", "20Gi", "22Gi")}, true,
		},
		"smaller": {diskWith(ofSize("5Gi")), Inputs{DataVolume: filled(), Claim: grown("11Gi", "", "11Gi")}, false},
		"larger, while it is filled": {
			diskWith(ofSize("20Gi")),
			Inputs{DataVolume: sized(dataVolumeIn(cdiv1.ImportInProgress), "10Gi"), Claim: grown("11Gi", "", "11Gi")},
			false},
		"larger, and not bound": {
			diskWith(ofSize("20Gi")), Inputs{DataVolume: filled(), Claim: claimIn(corev1.ClaimPending)}, false,
		},
		"larger, without a claim": {
			diskWith(ofSize("20Gi")), Inputs{DataVolume: filled()}, false},
		"larger, and it moves": {
			diskWith(ofSize("20Gi")),
			Inputs{DataVolume: filled(), Claim: grown("11Gi", "", "11Gi"), Moves: true}, false},
		"adopted": {diskWith(adopting), Inputs{Claim: claimIn(corev1.ClaimBound)}, false},
		"within the claim of a DataVolume that CDI collected": {
			diskWith(ofSize("10Gi")), Inputs{Claim: grown("11Gi", "", "11Gi")}, false},
		"beyond the claim of a DataVolume that CDI collected": {
			diskWith(ofSize("20Gi")), Inputs{Claim: grown("11Gi", "", "11Gi")}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.in.Disk = test.disk
			assert.Equal(t, test.wanted, test.in.Wanted())
		})
	}
}

// KubeVirt makes the image from the claim: what it computes must never be less than the spec says.
func TestClaimRequestHoldsTheImage(t *testing.T) {
	tests := []struct {
		size, current string
		overhead      float64
		expected      string
	}{
		{"20Gi", "10Gi", 0, "20Gi"},
		{"20G", "10Gi", 0, "20G"},
		{"20Gi", "10Gi", 0.055, "21672Mi"},
		{"20Gi", "30Gi", 0.055, "30Gi"}, // someone grew the claim by hand
		{"1500M", "1Gi", 0.5, "2862Mi"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s at %v", test.size, test.overhead), func(t *testing.T) {
			size := resource.MustParse(test.size)
			request := ClaimRequest(size, resource.MustParse(test.current), test.overhead)
			assert.Equal(t, test.expected, request.String())
			image := int64((1 - test.overhead) * float64(request.Value()))
			if test.overhead > 0 {
				image = image / Alignment * Alignment // possibleGuestSize
			}
			assert.GreaterOrEqual(t, image, size.Value())
		})
	}
}

func TestExpansion(t *testing.T) {
	filled := sized(dataVolumeIn(cdiv1.Succeeded), "10Gi")
	pending := func(
		conditionType corev1.PersistentVolumeClaimConditionType, message string,
	) corev1.PersistentVolumeClaimCondition {
		return corev1.PersistentVolumeClaimCondition{
			Type: conditionType, Status: corev1.ConditionTrue, Message: message,
		}
	}
	tests := map[string]struct {
		size     string
		claim    *corev1.PersistentVolumeClaim
		storage  *Storage
		phase    v1alpha1.DiskPhase
		reason   string // empty when all is well
		messages []string
	}{
		"grown":   {size: "20Gi", claim: grown("22Gi", "20Gi", "22Gi")},
		"roomier": {size: "10Gi", claim: grown("11Gi", "", "16Gi")},
		"grows": {size: "20Gi", claim: grown("22Gi", "20Gi", "11Gi"), phase: v1alpha1.DiskExpanding,
			reason:   v1alpha1.ReasonExpanding,
			messages: []string{"PersistentVolumeClaim root grows from 11Gi to 22Gi"}},
		"its file system comes next": {
			size:  "20Gi",
			claim: grown("22Gi", "20Gi", "11Gi", pending(corev1.PersistentVolumeClaimFileSystemResizePending, "")),
			phase: v1alpha1.DiskExpanding, reason: v1alpha1.ReasonExpanding,
			messages: []string{"file system grows on the node"}},
		"the storage cannot": {
			size: "20Gi",
			claim: grown("22Gi", "20Gi", "11Gi",
				pending(corev1.PersistentVolumeClaimControllerResizeError, "pool is full")),
			phase: v1alpha1.DiskError, reason: v1alpha1.ReasonExpansionFailed,
			messages: []string{"grows from 11Gi to 22Gi", "pool is full"}},
		"the class does not let it": {
			size: "20Gi", claim: grown("11Gi", "", "11Gi"), storage: &Storage{Class: &storagev1.StorageClass{}},
			phase: v1alpha1.DiskError, reason: v1alpha1.ReasonExpansionUnsupported,
			messages: []string{"StorageClass fast does not allow expansion", "set spec.size back to 10Gi"}},
		"the class is gone": {
			size: "20Gi", claim: grown("11Gi", "", "11Gi"), storage: &Storage{},
			phase: v1alpha1.DiskError, reason: v1alpha1.ReasonExpansionUnsupported,
			messages: []string{`StorageClass "fast" of PersistentVolumeClaim root no longer exists`}},
		"the class lets it": {size: "20Gi", claim: grown("11Gi", "", "11Gi"),
			storage: &Storage{Class: &storagev1.StorageClass{AllowVolumeExpansion: ptr.To(true)}}},
		"a size that slipped past admission before the status said what was asked for": {
			size: "5Gi", claim: grown("11Gi", "", "11Gi"),
			phase: v1alpha1.DiskError, reason: v1alpha1.ReasonInvalidSpec,
			messages: []string{"never shrinks; set spec.size to 10Gi"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := Inputs{
				Disk: diskWith(ofSize(test.size)), DataVolume: filled, Claim: test.claim, Storage: test.storage,
			}
			found := in.Problem()
			assert.Equal(t, test.storage != nil && test.reason == "", in.Begins())
			if test.reason == "" {
				assert.Nil(t, found)
				return
			}
			require.NotNil(t, found)
			assert.Equal(t, test.phase, found.Phase)
			assert.Equal(t, test.reason, found.Reason)
			for _, message := range test.messages {
				assert.Contains(t, found.Message, message)
			}
		})
	}
}

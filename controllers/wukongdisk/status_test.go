package wukongdisk

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/protocol/custody"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/attachment"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
)

// storedIn is the observation of a disk with storage, on a cluster that has CDI and the StorageClass.
func storedIn(dataVolume *cdiv1.DataVolume, claim *corev1.PersistentVolumeClaim) observation {
	return observation{
		importerServed: true, classExists: true, View: backing.View{DataVolume: dataVolume, Claim: claim},
	}
}

// adoptedIn is the observation of a disk that adopts a claim, on a cluster that has the StorageClass.
func adoptedIn(claim *corev1.PersistentVolumeClaim, adoption backing.Adoption) observation {
	return observation{classExists: true, View: backing.View{Claim: claim, Adoption: adoption}}
}

// of adds the disk to an observation.
func (o observation) of(disk *v1alpha1.WukongDisk) *observation {
	o.Disk, o.attachment.Disk = disk, disk
	return &o
}

// settled is the observation of a disk that is complete.
func settled() observation {
	return storedIn(dataVolumeIn(cdiv1.Succeeded), claimIn(corev1.ClaimBound))
}

func filling(phase cdiv1.DataVolumePhase, conditions ...cdiv1.DataVolumeCondition) observation {
	return storedIn(dataVolumeIn(phase, conditions...), claimIn(corev1.ClaimBound))
}

func TestEvaluate(t *testing.T) {
	tests := map[string]struct {
		disk     *v1alpha1.WukongDisk
		observed observation
		applyErr error

		phase   v1alpha1.DiskPhase
		reason  string // empty when the disk is ready
		message string // a part of it
	}{
		"complete": {disk: diskWith(), observed: settled()},
		"complete, and CDI collected the DataVolume, B18": {
			disk: diskWith(), observed: storedIn(nil, inherited(corev1.ClaimBound)),
		},
		"complete, and CDI is gone": {
			disk:     diskWith(),
			observed: observation{View: backing.View{Claim: inherited(corev1.ClaimBound)}},
		},
		"complete, and its class is gone": {
			disk:     diskWith(ofClass("fast")),
			observed: observation{importerServed: true, View: settled().View},
		},

		"just begun": {
			disk: diskWith(), observed: storedIn(dataVolumeIn(cdiv1.PhaseUnset), nil),
			phase: v1alpha1.DiskPending, reason: v1alpha1.ReasonClaimPending,
			message: "DataVolume root waits for its PersistentVolumeClaim",
		},
		"waits for a machine": {
			disk:     diskWith(),
			observed: storedIn(dataVolumeIn(cdiv1.WaitForFirstConsumer), claimIn(corev1.ClaimPending)),
			phase:    v1alpha1.DiskAwaitingConsumer, reason: v1alpha1.ReasonAwaitingConsumer,
			message: "nothing is wrong",
		},
		"waits for a machine, with a populator": {
			disk: diskWith(), observed: storedIn(dataVolumeIn(cdiv1.PendingPopulation), claimIn(corev1.ClaimPending)),
			phase: v1alpha1.DiskAwaitingConsumer, reason: v1alpha1.ReasonAwaitingConsumer,
		},
		"is being filled": {
			disk:     diskWith(),
			observed: filling(cdiv1.ImportInProgress, running(corev1.ConditionTrue, "Pod is running", "")),
			phase:    v1alpha1.DiskImporting, reason: v1alpha1.ReasonImporting,
			message: "DataVolume root is being filled",
		},
		"the importer's own words": {
			disk: diskWith(),
			observed: filling(cdiv1.ImportInProgress,
				running(corev1.ConditionFalse, "Error", "Unable to connect to http data source: 404")),
			phase: v1alpha1.DiskError, reason: v1alpha1.ReasonImportFailed,
			message: "DataVolume root: importer pod: Unable to connect to http data source: 404 (Error)",
		},
		"the importer's past words, while it tries again": {
			disk: diskWith(), observed: filling(cdiv1.ImportInProgress, running(corev1.ConditionTrue, "Error", "404")),
			phase: v1alpha1.DiskImporting, reason: v1alpha1.ReasonImporting,
		},
		"the importer's image": {
			disk: diskWith(),
			observed: filling(cdiv1.ImportScheduled,
				running(corev1.ConditionFalse, "ImagePullFailed", "no such image")),
			phase: v1alpha1.DiskError, reason: v1alpha1.ReasonImportFailed, message: "no such image (ImagePullFailed)",
		},
		"CDI gave up": {
			disk: diskWith(), observed: filling(cdiv1.Failed, running(corev1.ConditionFalse, "Error", "no space left")),
			phase: v1alpha1.DiskError, reason: v1alpha1.ReasonImportFailed,
			message: "DataVolume root failed: no space left",
		},
		"CDI cannot make a claim": {
			disk: diskWith(),
			observed: storedIn(dataVolumeIn(cdiv1.PhaseUnset,
				boundCondition("ErrClaimNotValid", "no accessMode specified in StorageProfile fast")), nil),
			phase: v1alpha1.DiskError, reason: v1alpha1.ReasonClaimPending,
			message: "no accessMode specified in StorageProfile fast",
		},
		"the claim is not bound": {
			disk: diskWith(), observed: storedIn(dataVolumeIn(cdiv1.Succeeded), claimIn(corev1.ClaimPending)),
			phase: v1alpha1.DiskPending, reason: v1alpha1.ReasonClaimPending, message: "kubectl describe pvc root",
		},
		"the claim lost its volume": {
			disk: diskWith(), observed: storedIn(dataVolumeIn(cdiv1.Succeeded), claimIn(corev1.ClaimLost)),
			phase: v1alpha1.DiskError, reason: v1alpha1.ReasonClaimLost, message: "pv-1",
		},

		"a foreign claim has the name, B19": {
			disk: diskWith(), observed: storedIn(nil, foreignClaim(corev1.ClaimBound)),
			phase: v1alpha1.DiskError, reason: v1alpha1.ReasonNameConflict,
			message: "source.persistentVolumeClaim.name: root",
		},
		"a foreign DataVolume has the name": {
			disk: diskWith(), observed: observation{importerServed: true, classExists: true},
			applyErr: &apply.NameConflictError{Kind: "DataVolume", Name: "root", Owner: "VirtualMachine web"},
			phase:    v1alpha1.DiskError, reason: v1alpha1.ReasonNameConflict,
			message: "DataVolume root already exists and belongs to VirtualMachine web",
		},
		"the API server refuses": {
			disk: diskWith(), observed: observation{importerServed: true, classExists: true},
			applyErr: &apply.RefusedError{Kind: "DataVolume", Name: "root", Err: errors.New("exceeded quota")},
			phase:    v1alpha1.DiskError, reason: v1alpha1.ReasonApplyRefused,
			message: "DataVolume root: exceeded quota",
		},
		"CDI is absent": {
			disk: diskWith(), observed: observation{classExists: true},
			phase: v1alpha1.DiskError, reason: v1alpha1.ReasonDependencyMissing,
			message: "CDI (Containerized Data Importer) is not installed",
		},
		"the class is absent": {
			disk: diskWith(ofClass("fast")), observed: observation{importerServed: true},
			phase: v1alpha1.DiskError, reason: v1alpha1.ReasonStorageClassMissing,
			message: "StorageClass fast does not exist",
		},
		"no class is the default": {
			disk: diskWith(), observed: observation{importerServed: true},
			phase: v1alpha1.DiskError, reason: v1alpha1.ReasonStorageClassMissing, message: "no default StorageClass",
		},

		"an adopted claim": {
			disk:     diskWith(adopting("data")),
			observed: observation{View: backing.View{Claim: foreignClaim(corev1.ClaimBound)}},
		},
		"an adopted claim, and CDI is gone": {
			disk:     diskWith(adopting("data")),
			observed: adoptedIn(foreignClaim(corev1.ClaimBound), backing.Adoption{}),
		},
		"C.10: an adopted claim of a class that binds at first use": {
			disk:     diskWith(adopting("data")),
			observed: adoptedIn(foreignClaim(corev1.ClaimPending), backing.Adoption{BindsLater: true}),
			phase:    v1alpha1.DiskAwaitingConsumer, reason: v1alpha1.ReasonAwaitingConsumer,
			message: "nothing is wrong",
		},
		"an adopted claim that is not bound": {
			disk:     diskWith(adopting("data")),
			observed: adoptedIn(foreignClaim(corev1.ClaimPending), backing.Adoption{}),
			phase:    v1alpha1.DiskPending, reason: v1alpha1.ReasonClaimPending, message: "kubectl describe pvc",
		},
		"an adopted claim that does not exist": {
			disk: diskWith(adopting("data")), observed: observation{classExists: true},
			phase: v1alpha1.DiskError, reason: v1alpha1.ReasonClaimMissing,
			message: "PersistentVolumeClaim data does not exist in namespace shop",
		},

		"deleted, and in use": {
			disk: diskWith(deleted), observed: observation{attachment: attachment.Attachment{
				Inputs: custody.Inputs{VMs: []v1alpha1.WukongVM{vmWith("web"), vmWith("api")}}, AttachedTo: "web",
			}},
			phase: v1alpha1.DiskTerminating, reason: v1alpha1.ReasonInUse, message: "used by WukongVM web, and",
		},
		"deleted, and set free": {
			disk: diskWith(deleted, retained), observed: settled(),
			phase: v1alpha1.DiskTerminating, reason: v1alpha1.ReasonTerminating, message: "Retain",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found := evaluate(test.observed.of(test.disk), test.applyErr)
			if test.reason == "" {
				assert.Nil(t, found)
				return
			}
			require.NotNil(t, found)
			assert.Equal(t, test.phase, found.Phase)
			assert.Equal(t, test.reason, found.Reason)
			assert.Contains(t, found.Message, test.message)
		})
	}
}

func TestDescribe(t *testing.T) {
	t.Run("complete", func(t *testing.T) {
		observed := settled()
		observed.DataVolume.Status.RestartCount = 2
		observed.DataVolume.Status.Progress = "100.0%"
		observed.DataVolume.Annotations = map[string]string{dvstate.AnnotationCloneType: "csi-clone"}
		assert.Equal(t, v1alpha1.WukongDiskStatus{
			Phase: v1alpha1.DiskReady, ClaimName: "root", DataVolumeName: "root", ImportRestarts: 2, CloneMethod: "csi-clone",
			StorageClassName: "fast", VolumeMode: corev1.PersistentVolumeBlock,
			AccessModes: []v1alpha1.AccessMode{"ReadWriteMany"}, RequestedSize: ptr.To(resource.MustParse("1Gi")),
			ClaimRequest: ptr.To(resource.MustParse("1200Mi")), Capacity: ptr.To(resource.MustParse("1200Mi")),
		}, describe(observed.of(diskWith()), nil), "progress is told of a disk that is being filled only")
	})
	t.Run("being filled", func(t *testing.T) {
		observed := filling(cdiv1.ImportInProgress)
		observed.DataVolume.Status.Progress = "47.11%"
		status := describe(observed.of(diskWith()), diskstate.Content(observed.DataVolume))
		assert.Equal(t, v1alpha1.DiskImporting, status.Phase)
		assert.Equal(t, ptr.To(int32(40)), status.ProgressPercent)
		assert.Equal(t, "root", status.ClaimName, "a machine may be made before its disk is complete")
	})
	t.Run("only begun", func(t *testing.T) {
		observed := filling(cdiv1.Pending)
		status := describe(observed.of(diskWith()), diskstate.Content(observed.DataVolume))
		assert.Equal(t, v1alpha1.WukongDiskStatus{
			Phase: v1alpha1.DiskPending, ClaimName: "root", DataVolumeName: "root",
			RequestedSize: ptr.To(resource.MustParse("1Gi")),
		}, status, "nothing that changes from moment to moment")
	})
	t.Run("a foreign claim is told to no machine, B19", func(t *testing.T) {
		observed := storedIn(nil, foreignClaim(corev1.ClaimBound))
		withDisk := observed.of(diskWith())
		status := describe(withDisk, obstacle(withDisk))
		assert.Equal(t, v1alpha1.WukongDiskStatus{Phase: v1alpha1.DiskError}, status)
	})
	t.Run("a foreign claim beside our DataVolume is told to no machine", func(t *testing.T) {
		observed := storedIn(dataVolumeIn(cdiv1.Pending), foreignClaim(corev1.ClaimBound))
		withDisk := observed.of(diskWith())
		assert.Empty(t, describe(withDisk, obstacle(withDisk)).ClaimName)
	})
	t.Run("an adopted claim", func(t *testing.T) {
		observed := observation{View: backing.View{Claim: foreignClaim(corev1.ClaimBound)}}
		status := describe(observed.of(diskWith(adopting("data"))), nil)
		assert.Equal(t, "data", status.ClaimName)
		assert.Empty(t, status.DataVolumeName)
	})
}

func TestQuotaIsToldApart(t *testing.T) {
	claims := schema.GroupResource{Resource: "persistentvolumeclaims"}
	refuse := func(words string) error {
		return apply.Classify("PersistentVolumeClaim", "root",
			apierrors.NewForbidden(claims, "root", errors.New(words)))
	}
	assert.True(t, quotaExceeded(refuse("exceeded quota: small, requested: requests.storage=10Gi")))
	assert.False(t, quotaExceeded(refuse("only dynamically provisioned pvc can be resized")))
	assert.False(t, quotaExceeded(nil))
}

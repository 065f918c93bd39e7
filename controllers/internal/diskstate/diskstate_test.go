package diskstate

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

func TestMain(m *testing.M) { keeptest.Main(m) }

// claim returns a claim in a phase, as the cache has it.
func claim(phase corev1.PersistentVolumeClaimPhase, options ...func(*corev1.PersistentVolumeClaim),
) *corev1.PersistentVolumeClaim {
	result := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data"}}
	result.Status.Phase = phase
	for _, option := range options {
		option(result)
	}
	return keeptest.Object(result, KeepClaim)
}

func onClass(result *corev1.PersistentVolumeClaim)  { result.Spec.StorageClassName = ptr.To("slow") }
func onVolume(result *corev1.PersistentVolumeClaim) { result.Spec.VolumeName = "pv-1" }

func sizes(request, capacity string) func(*corev1.PersistentVolumeClaim) {
	return func(result *corev1.PersistentVolumeClaim) {
		list := func(size string) corev1.ResourceList {
			if size == "" {
				return nil
			}
			return corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
		}
		result.Spec.Resources.Requests, result.Status.Capacity = list(request), list(capacity)
	}
}

func reporting(
	condition corev1.PersistentVolumeClaimConditionType, status corev1.ConditionStatus,
) func(*corev1.PersistentVolumeClaim) {
	return func(result *corev1.PersistentVolumeClaim) {
		result.Status.Conditions = append(result.Status.Conditions,
			corev1.PersistentVolumeClaimCondition{Type: condition, Status: status, Message: "pool is full"})
	}
}

// row is what a user reads of a disk.
type row struct {
	phase   v1alpha1.DiskPhase
	reason  string
	message string
}

func (r row) check(t *testing.T, name string, found *Problem) {
	t.Helper()
	if r.reason == "" {
		assert.Nil(t, found, name)
		return
	}
	if assert.NotNil(t, found, name) {
		assert.Equal(t, r.phase, found.Phase, name)
		assert.Equal(t, r.reason, found.Reason, name)
		assert.Contains(t, found.Message, r.message, name)
	}
}

func TestAClaimThatIsNotUsable(t *testing.T) {
	for name, test := range map[string]struct {
		claim *corev1.PersistentVolumeClaim
		row
	}{
		"bound": {claim(corev1.ClaimBound), row{}},
		"not made yet": {nil, row{v1alpha1.DiskPending, v1alpha1.ReasonClaimPending,
			"the PersistentVolumeClaim is being created"}},
		"not bound": {claim(corev1.ClaimPending, onClass), row{v1alpha1.DiskPending, v1alpha1.ReasonClaimPending,
			"'kubectl describe pvc data' shows the messages of the provisioner of class slow"}},
		"not bound, without a class": {claim(corev1.ClaimPending), row{v1alpha1.DiskPending, v1alpha1.ReasonClaimPending,
			"of class (none)"}},
		"of which Kubernetes says nothing yet": {claim(""), row{v1alpha1.DiskPending, v1alpha1.ReasonClaimPending,
			"data is not bound"}},
		"whose volume is lost": {claim(corev1.ClaimLost, onVolume), row{v1alpha1.DiskError, v1alpha1.ReasonClaimLost,
			"lost its PersistentVolume pv-1: the data is not reachable; restore it"}},
	} {
		test.check(t, name, Bound(test.claim))
	}
}

func TestAClaimThatGrows(t *testing.T) {
	const resizing, pending = corev1.PersistentVolumeClaimResizing, corev1.PersistentVolumeClaimFileSystemResizePending
	const onNode, inController = corev1.PersistentVolumeClaimNodeResizeError,
		corev1.PersistentVolumeClaimControllerResizeError
	for name, test := range map[string]struct {
		options []func(*corev1.PersistentVolumeClaim)
		row
	}{
		"as large as requested": {[]func(*corev1.PersistentVolumeClaim){sizes("1Gi", "1Gi")}, row{}},
		"larger, as some storage rounds up": {[]func(*corev1.PersistentVolumeClaim){sizes("1Gi", "4Gi")},
			row{}},
		"not bound, so that nothing grows": {[]func(*corev1.PersistentVolumeClaim){sizes("1Gi", "")}, row{}},
		"smaller": {[]func(*corev1.PersistentVolumeClaim){sizes("2Gi", "1Gi"), reporting(resizing, corev1.ConditionTrue)},
			row{v1alpha1.DiskExpanding, v1alpha1.ReasonExpanding, "data grows from 1Gi to 2Gi"}},
		"its volume has grown": {
			[]func(*corev1.PersistentVolumeClaim){sizes("2Gi", "1Gi"), reporting(pending, corev1.ConditionTrue)},
			row{v1alpha1.DiskExpanding, v1alpha1.ReasonExpanding, "its file system grows on the node of the WukongVM"}},
		"the storage refuses": {
			[]func(*corev1.PersistentVolumeClaim){sizes("2Gi", "1Gi"), reporting(inController, corev1.ConditionTrue)},
			row{v1alpha1.DiskError, v1alpha1.ReasonExpansionFailed,
				"from 1Gi to 2Gi; the storage reports: pool is full; it is retried"}},
		"the node fails": {
			[]func(*corev1.PersistentVolumeClaim){sizes("2Gi", "1Gi"), reporting(onNode, corev1.ConditionTrue)},
			row{v1alpha1.DiskError, v1alpha1.ReasonExpansionFailed, "pool is full"}},
		"the storage refuses without a message": {
			[]func(*corev1.PersistentVolumeClaim){sizes("2Gi", "1Gi"), reporting(inController, corev1.ConditionTrue),
				func(claim *corev1.PersistentVolumeClaim) { claim.Status.Conditions[0].Message = "" }},
			row{v1alpha1.DiskError, v1alpha1.ReasonExpansionFailed,
				"the storage reports: an error without a message; it is retried"}},
		"the storage had refused": {
			[]func(*corev1.PersistentVolumeClaim){sizes("2Gi", "1Gi"), reporting(inController, corev1.ConditionFalse)},
			row{v1alpha1.DiskExpanding, v1alpha1.ReasonExpanding, "data grows from 1Gi to 2Gi"}},
	} {
		test.check(t, name, Grows(claim(corev1.ClaimBound, test.options...)))
	}
}

// volume is a DataVolume in a phase, whose importer pod reports something.
func volume(phase cdiv1.DataVolumePhase, reason, message string) *cdiv1.DataVolume {
	result := &cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Name: "data", Namespace: "shop"}}
	result.Status.Phase, result.Status.RestartCount = phase, 3
	if reason != "" {
		result.Status.Conditions = []cdiv1.DataVolumeCondition{{
			Type: cdiv1.DataVolumeRunning, Status: corev1.ConditionFalse, Reason: reason, Message: message,
		}}
	}
	return result
}

func TestContentThatIsNotComplete(t *testing.T) {
	waiting := row{v1alpha1.DiskAwaitingConsumer, v1alpha1.ReasonAwaitingConsumer, "nothing is wrong"}
	sending := row{v1alpha1.DiskAwaitingUpload, v1alpha1.ReasonAwaitingUpload,
		"virtctl image-upload dv data --namespace=shop"}
	filling := row{v1alpha1.DiskImporting, v1alpha1.ReasonImporting, "DataVolume data is being filled"}
	for name, test := range map[string]struct {
		volume *cdiv1.DataVolume
		row
	}{
		"complete":                         {volume(cdiv1.Succeeded, "", ""), row{}},
		"complete, after a failed attempt": {volume(cdiv1.Succeeded, "Error", "404"), row{}},
		"of a class that binds later":      {volume(cdiv1.WaitForFirstConsumer, "", ""), waiting},
		"populated later":                  {volume(cdiv1.PendingPopulation, "", ""), waiting},
		"an upload is prepared":            {volume(cdiv1.UploadScheduled, "", ""), sending},
		"an upload is awaited":             {volume(cdiv1.UploadReady, "", ""), sending},
		"an upload failed": {volume(cdiv1.UploadReady, "Error", "no space left"), row{v1alpha1.DiskError,
			v1alpha1.ReasonImportFailed, "upload pod: no space left (Error); send the image again"}},
		"an import runs":      {volume(cdiv1.ImportInProgress, "", ""), filling},
		"a clone runs":        {volume(cdiv1.CloneInProgress, "", ""), filling},
		"a pod is being made": {volume(cdiv1.ImportScheduled, "ContainerCreating", ""), filling},
		"an import is retried": {volume(cdiv1.ImportInProgress, "Error", "404"), row{v1alpha1.DiskError,
			v1alpha1.ReasonImportFailed, "importer pod: 404 (Error); it is retried (restarts so far: 3)"}},
		"an import has failed": {volume(cdiv1.Failed, "Error", "404"), row{v1alpha1.DiskError,
			v1alpha1.ReasonImportFailed, "DataVolume data failed: 404"}},
		"an import has failed, and nothing is known": {volume(cdiv1.Failed, "", ""), row{v1alpha1.DiskError,
			v1alpha1.ReasonImportFailed, "DataVolume data failed, and CDI reports no cause: 'kubectl describe dv data'"}},
		"CDI has not begun": {volume(cdiv1.PhaseUnset, "", ""), row{v1alpha1.DiskPending, v1alpha1.ReasonClaimPending,
			"waits for its PersistentVolumeClaim"}},
	} {
		test.check(t, name, Content(test.volume))
	}
}

// Of the annotations of a claim only those are kept that somebody reads: CDI writes a dozen to each.
func TestWhatIsKeptOfAClaim(t *testing.T) {
	kept := claim(corev1.ClaimBound, func(result *corev1.PersistentVolumeClaim) {
		result.Annotations = map[string]string{
			v1alpha1.AnnotationFilled: "data", dvstate.AnnotationBindNow: "true",
			"cdi.kubevirt.io/storage.pod.phase": "Succeeded",
		}
	})
	assert.Equal(t, map[string]string{v1alpha1.AnnotationFilled: "data", dvstate.AnnotationBindNow: "true"},
		kept.Annotations)
}

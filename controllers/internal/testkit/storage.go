package testkit

import (
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// NewClaim returns a claim of 1Gi on the default class.
func (f *Fixture) NewClaim(name string, options ...builder.ClaimOption) *corev1.PersistentVolumeClaim {
	class := builder.ClaimOfClass(testenv.DefaultStorageClass)
	return builder.Claim(f.Namespace, name, "1Gi", append([]builder.ClaimOption{class}, options...)...)
}

// ClaimOf creates the claim of a DataVolume, as CDI does.
func (f *Fixture) ClaimOf(dataVolume *cdiv1.DataVolume) *corev1.PersistentVolumeClaim {
	f.Helper()
	claim := f.NewClaim(dataVolume.Name)
	if storage := dataVolume.Spec.Storage; storage != nil && storage.StorageClassName != nil {
		claim.Spec.StorageClassName = storage.StorageClassName
	}
	require.NoError(f, controllerutil.SetControllerReference(dataVolume, claim, f.Client.Scheme()))
	f.CreateClaim(claim)
	return claim
}

// CreateClaim creates a claim, and removes the API server's finalizer: its controller does not run here.
func (f *Fixture) CreateClaim(claim *corev1.PersistentVolumeClaim) {
	f.Helper()
	f.Create(claim)
	f.Patch(claim, `{"metadata":{"finalizers":null}}`)
}

// Bind gives a claim a volume of the requested size.
func (f *Fixture) Bind(claim *corev1.PersistentVolumeClaim) {
	f.Helper()
	claim.Status.Phase = corev1.ClaimBound
	claim.Status.Capacity = claim.Spec.Resources.Requests
	f.SetStatus(claim)
}

// WaitDataVolume waits until a DataVolume exists.
func (f *Fixture) WaitDataVolume(name string) *cdiv1.DataVolume {
	f.Helper()
	dataVolume := &cdiv1.DataVolume{}
	f.Until(func() bool { return f.Exists(name, dataVolume) }, "DataVolume %s is not made", name)
	return dataVolume
}

// SetDataVolume sets the status of a DataVolume, as CDI does.
func (f *Fixture) SetDataVolume(name string, phase cdiv1.DataVolumePhase, conditions ...cdiv1.DataVolumeCondition) {
	f.Helper()
	dataVolume := Read(f, name, &cdiv1.DataVolume{})
	dataVolume.Status.Phase = phase
	dataVolume.Status.Conditions = conditions
	f.SetStatus(dataVolume)
}

// Event returns a warning of another component about an object.
func (f *Fixture) Event(about corev1.ObjectReference, reason, message string) *corev1.Event {
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: about.Namespace, GenerateName: "event."},
		InvolvedObject: about, Type: corev1.EventTypeWarning, Reason: reason, Message: message,
		FirstTimestamp: metav1.Now(), LastTimestamp: metav1.Now(), Count: 1,
	}
}

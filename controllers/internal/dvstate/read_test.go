package dvstate

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/warnings"
)

var born = time.Unix(100_000, 0)

// unread is an API server that must not be asked.
type unread struct{ client.Reader }

func (unread) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("asked")
}

// live is an API server that selects events by their type.
func live(objects ...client.Object) client.Reader {
	return fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(objects...).
		WithIndex(&corev1.Event{}, "type", func(obj client.Object) []string { return []string{obj.(*corev1.Event).Type} }).
		Build()
}

// warned is a warning about an object, some time after the DataVolume was created.
func warned(after time.Duration, kind, name, message string) *corev1.Event {
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name + "." + message}, Type: corev1.EventTypeWarning,
		Message: message, LastTimestamp: metav1.NewTime(born.Add(after)),
		InvolvedObject: corev1.ObjectReference{Kind: kind, Name: name},
	}
}

func rootIn(phase cdiv1.DataVolumePhase, conditions ...cdiv1.DataVolumeCondition) *cdiv1.DataVolume {
	return &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "root", CreationTimestamp: metav1.NewTime(born)},
		Status:     cdiv1.DataVolumeStatus{Phase: phase, Conditions: conditions},
	}
}

// CDI copies none of these causes into its DataVolume, and without them a user would see a disk that just waits.
func TestWhatADataVolumeWaitsFor(t *testing.T) {
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "root", UID: "1"}}
	normal := warned(time.Second, "Pod", "importer-root", "Pulling image")
	normal.Type = corev1.EventTypeNormal
	elsewhere := warned(time.Second, "Pod", "importer-root", "of another namespace")
	elsewhere.Namespace = "lab"
	const quota = "exceeded quota: small, requested: requests.storage=1Gi"
	for name, row := range map[string]struct {
		dataVolume   *cdiv1.DataVolume
		objects      []client.Object
		reason, says string
	}{
		"a quota": {rootIn(cdiv1.ImportScheduled), []client.Object{claim,
			warned(time.Second, "PersistentVolumeClaim", "prime-1", quota)}, v1alpha1.ReasonQuotaExceeded,
			"DataVolume root: PersistentVolumeClaim prime-1: " + quota + "; filling a disk takes up to three claims: its " +
				"own, CDI's, and scratch space"},
		"a ConfigMap that does not exist": {rootIn(cdiv1.ImportScheduled), []client.Object{claim,
			warned(time.Second, "Pod", "importer-prime-1", `configmap "ca" not found`)}, v1alpha1.ReasonImportFailed,
			`DataVolume root makes no progress: Pod importer-prime-1: configmap "ca" not found; it is retried`},
		"a pod, and then its claim": {rootIn(cdiv1.ImportScheduled), []client.Object{claim,
			warned(time.Minute, "PersistentVolumeClaim", "root", "waiting for a volume"),
			warned(time.Second, "Pod", "importer-root", "no such image")}, v1alpha1.ReasonImportFailed,
			"DataVolume root makes no progress: Pod importer-root: no such image; it is retried"},
		"what is no warning":             {rootIn(cdiv1.ImportScheduled), []client.Object{claim, normal}, "", ""},
		"a warning of another namespace": {rootIn(cdiv1.ImportScheduled), []client.Object{claim, elsewhere}, "", ""},
		"a warning from before": {rootIn(cdiv1.ImportScheduled), []client.Object{claim,
			warned(-time.Second, "Pod", "importer-root", "old")}, "", ""},
		"a warning of a temporary claim, without a claim": {rootIn(cdiv1.Pending), []client.Object{
			warned(time.Second, "Pod", "importer-prime-1", "old")}, v1alpha1.ReasonClaimPending,
			claimless(rootIn(cdiv1.Pending))},
		"nothing, without a claim": {rootIn(cdiv1.PhaseUnset), nil, v1alpha1.ReasonClaimPending,
			"CDI has not processed DataVolume root: check that it runs: kubectl get pods --all-namespaces " +
				"--selector=cdi.kubevirt.io=cdi-deployment"},
		"nothing, with a claim": {rootIn(cdiv1.ImportScheduled), []client.Object{claim}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			now := born.Add(warnings.Patience)
			waiting, err := Stuck(t.Context(), live(row.objects...), row.dataVolume, now)
			require.NoError(t, err)
			assert.Equal(t, Waiting{Says: row.says, Reason: row.reason, Again: warnings.Patience}, waiting)
		})
	}
}

// The API server is asked only about a DataVolume that has waited for a while, and reports nothing itself.
func TestWhenTheAPIServerIsAsked(t *testing.T) {
	running := func(status corev1.ConditionStatus, reason string) cdiv1.DataVolumeCondition {
		return cdiv1.DataVolumeCondition{Type: cdiv1.DataVolumeRunning, Status: status, Reason: reason,
			LastTransitionTime: metav1.NewTime(born)}
	}
	for name, row := range map[string]struct {
		dataVolume *cdiv1.DataVolume
		after      time.Duration
		again      time.Duration
	}{
		"a moment":              {rootIn(cdiv1.Pending), time.Second, warnings.Patience - time.Second},
		"a clock that is ahead": {rootIn(cdiv1.Pending), -time.Minute, warnings.Patience + time.Minute},
		"complete":              {rootIn(cdiv1.Succeeded), time.Hour, 0},
		"failed":                {rootIn(cdiv1.Failed), time.Hour, 0},
		"paused":                {rootIn(cdiv1.Paused), time.Hour, 0},
		"the storage copies":    {rootIn(cdiv1.CSICloneInProgress), time.Hour, 0},
		"a snapshot is copied":  {rootIn(cdiv1.CloneFromSnapshotSourceInProgress), time.Hour, 0},
		"it is filled": {
			rootIn(cdiv1.ImportInProgress, running(corev1.ConditionTrue, "Pod is running")), time.Hour, 0},
		"it reports why": {rootIn(cdiv1.ImportInProgress, running(corev1.ConditionFalse, "Error")), time.Hour, 0},
	} {
		waiting, err := Stuck(t.Context(), unread{}, row.dataVolume, born.Add(row.after))
		require.NoError(t, err, name)
		assert.Equal(t, Waiting{Again: row.again}, waiting, name)
	}
	_, err := Stuck(t.Context(), unread{}, rootIn(cdiv1.Pending), born.Add(time.Hour))
	assert.ErrorContains(t, err, "asked")
}

// The text is CDI's, with what a user can do about it.
func TestWhatAnImporterSays(t *testing.T) {
	for name, row := range map[string]struct {
		status       corev1.ConditionStatus
		reason, says string
	}{
		"it runs":         {corev1.ConditionTrue, "Error", ""},
		"it starts":       {corev1.ConditionFalse, "ContainerCreating", ""},
		"it failed":       {corev1.ConditionFalse, "Error", "no space (Error)"},
		"it was killed":   {corev1.ConditionFalse, "OOMKilled", "no space (OOMKilled)"},
		"no image":        {corev1.ConditionUnknown, "ImagePullFailed", "no space (ImagePullFailed)"},
		"a reason of CDI": {corev1.ConditionFalse, "Completed", ""},
		"no pod": {corev1.ConditionFalse, "ErrStartingPod", "no space (ErrStartingPod); most often a ResourceQuota, a " +
			"LimitRange or Pod Security of namespace shop refuses the pod: kubectl describe quota,limitrange " +
			"--namespace=shop"},
	} {
		says := ImporterSays(rootIn(cdiv1.ImportInProgress, cdiv1.DataVolumeCondition{
			Type: cdiv1.DataVolumeRunning, Status: row.status, Reason: row.reason, Message: "no space"}))
		assert.Equal(t, row.says, says, name)
	}
	assert.Equal(t, "(Error)", ImporterSays(rootIn(cdiv1.ImportInProgress, cdiv1.DataVolumeCondition{
		Type: cdiv1.DataVolumeRunning, Status: corev1.ConditionFalse, Reason: "Error"})), "without a message")
	assert.Empty(t, ImporterSays(rootIn(cdiv1.ImportInProgress)))
	assert.Regexp(t, `^\(ErrStartingPod\); most often`, ImporterSays(rootIn(cdiv1.ImportInProgress,
		cdiv1.DataVolumeCondition{Type: cdiv1.DataVolumeRunning, Status: corev1.ConditionFalse, Reason: "ErrStartingPod"})))
}

// A user reads a sentence, also when CDI explains nothing.
func TestWhyADataVolumeFailed(t *testing.T) {
	assert.Equal(t, "DataVolume root failed: no space (Error)", FailureOf(rootIn(cdiv1.Failed,
		cdiv1.DataVolumeCondition{
			Type: cdiv1.DataVolumeRunning, Status: corev1.ConditionFalse, Reason: "Error", Message: "no space",
		})))
	assert.Equal(t, "DataVolume root failed, and CDI reports no cause: 'kubectl describe dv root' shows its events",
		FailureOf(rootIn(cdiv1.Failed)))
}

func TestWhyAClaimIsRefused(t *testing.T) {
	for name, row := range map[string]struct {
		status         corev1.ConditionStatus
		reason, wanted string
	}{
		"bound":              {corev1.ConditionTrue, "Bound", ""},
		"not yet":            {corev1.ConditionFalse, "Pending", ""},
		"CDI has not tried":  {corev1.ConditionUnknown, "", ""},
		"CDI is about to":    {corev1.ConditionUnknown, "NotFound", ""},
		"a quota":            {corev1.ConditionUnknown, "ErrExceededQuota", v1alpha1.ReasonQuotaExceeded},
		"no StorageProfile":  {corev1.ConditionUnknown, "ErrClaimNotValid", v1alpha1.ReasonClaimPending},
		"the claim was lost": {corev1.ConditionFalse, "ClaimLost", v1alpha1.ReasonClaimPending},
	} {
		reason, message := ClaimRefused(rootIn(cdiv1.Pending, cdiv1.DataVolumeCondition{
			Type: cdiv1.DataVolumeBound, Status: row.status, Reason: row.reason, Message: "no accessMode"}))
		assert.Equal(t, row.wanted, reason, name)
		assert.Equal(t, row.wanted != "", message == "no accessMode", name)
	}
	reason, message := ClaimRefused(rootIn(cdiv1.Pending))
	assert.Empty(t, reason+message)
}

// What CDI writes there is for people: anything that is no percentage is no progress.
func TestTextsThatAreNoProgress(t *testing.T) {
	for _, text := range []cdiv1.DataVolumeProgress{"%", "%%", "fifty%", "50 %", "1e3%", "+Inf%", "-0.1%", "0x1p9%"} {
		assert.Nil(t, Progress(text), text)
	}
	assert.Equal(t, ptr.To(int32(40)), Progress("45"), "without the sign")
	assert.Equal(t, ptr.To(int32(0)), Progress("0%"))
}

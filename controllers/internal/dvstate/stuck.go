package dvstate

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/warnings"
)

// Waiting is what a DataVolume waits for when it makes no progress and does not report why.
type Waiting struct {
	// Says is empty when no cause was found. Reason is the reason of the condition.
	Says, Reason string
	// Retried: the importer failed, and CDI retries. See Still.
	Retried bool
	// Again is when to check again, zero for never: no watch reports it.
	Again time.Duration
}

// Stuck finds what a DataVolume waits for, such as a quota that has no room for CDI's own claims, or a ConfigMap that
// does not exist. API server and kubelet report that only by events on objects that CDI creates, and CDI copies none
// of them.
func Stuck(ctx context.Context, live client.Reader, dataVolume *cdiv1.DataVolume, now time.Time) (Waiting, error) {
	waiting := Waiting{}
	waiting.Retried, waiting.Again = retried(dataVolume, now)
	since, ok := stuckSince(dataVolume)
	if !ok {
		return waiting, nil
	}
	if waited := now.Sub(since); waited < warnings.Patience {
		waiting.Again = warnings.Patience - waited
		return waiting, nil
	}
	waiting.Again = warnings.Patience
	claim, err := read.Get(ctx, live, dataVolume.Namespace, dataVolume.Name, &corev1.PersistentVolumeClaim{})
	if err != nil {
		return waiting, err
	}
	says, err := warnings.About(ctx, live, dataVolume.Namespace, since, below(dataVolume, claim)...)
	switch {
	case err != nil:
		return waiting, err
	case strings.Contains(says, "exceeded quota"):
		waiting.Reason = v1alpha1.ReasonQuotaExceeded
		waiting.Says = fmt.Sprintf("DataVolume %s: %s; filling a disk takes up to three claims: its own, CDI's, and "+
			"scratch space", dataVolume.Name, says)
	case says != "":
		waiting.Reason, waiting.Says = v1alpha1.ReasonImportFailed,
			fmt.Sprintf("DataVolume %s makes no progress: %s; it is retried", dataVolume.Name, says)
	case claim == nil:
		waiting.Reason, waiting.Says = v1alpha1.ReasonClaimPending, claimless(dataVolume)
	}
	return waiting, nil
}

// claimless explains a DataVolume without a claim. CDI writes a first status before it tries, so CDI has not seen a
// DataVolume without a status.
func claimless(dataVolume *cdiv1.DataVolume) string {
	if dataVolume.Status.Phase == cdiv1.PhaseUnset && len(dataVolume.Status.Conditions) == 0 {
		return fmt.Sprintf("CDI has not processed DataVolume %s: check that it runs: kubectl get pods "+
			"--all-namespaces --selector=cdi.kubevirt.io=cdi-deployment", dataVolume.Name)
	}
	return fmt.Sprintf("DataVolume %s has no PersistentVolumeClaim, and CDI does not report why: most often a "+
		"LimitRange of the namespace refuses the claim; "+
		"see the log of CDI's controller: kubectl logs --namespace=cdi deployment/cdi-deployment (or the namespace "+
		"in which CDI is installed)", dataVolume.Name)
}

// below returns the objects between a DataVolume and its data, the deepest first. CDI fills a claim of its own that
// becomes the DataVolume's. Where the class has no CSI driver, it fills the DataVolume's claim itself
// (containerized-data-importer, pkg/controller/populators/util.go, PVCPrimeName; pkg/controller/common/util.go,
// CreateImporterPodName and others). It clones through temporary claims (pkg/controller/clone/planner.go).
func below(dataVolume *cdiv1.DataVolume, claim *corev1.PersistentVolumeClaim) []warnings.Object {
	const pod, volume = "Pod", "PersistentVolumeClaim"
	var objects []warnings.Object
	if claim != nil {
		uid := string(claim.UID)
		filled := []string{"prime-" + uid, claim.Name}
		for _, name := range filled {
			objects = append(objects, warnings.Object{Kind: pod, Name: "importer-" + name},
				warnings.Object{Kind: pod, Name: "cdi-upload-" + name})
		}
		objects = append(objects, warnings.Object{Kind: pod, Name: uid + "-source-pod"})
		for _, name := range filled {
			objects = append(objects, warnings.Object{Kind: volume, Name: name + "-scratch"})
		}
		objects = append(objects, warnings.Object{Kind: volume, Name: "prime-" + uid},
			warnings.Object{Kind: volume, Name: "tmp-pvc-" + uid},
			warnings.Object{Kind: volume, Name: "tmp-source-pvc-" + uid}, warnings.Object{Kind: "VolumeSnapshot",
				Name: "tmp-snapshot-" + uid})
	}
	return append(objects, warnings.Object{Kind: volume, Name: dataVolume.Name},
		warnings.Object{Kind: "DataVolume", Name: dataVolume.Name})
}

// stuckSince returns since when a DataVolume has made no progress without a reported cause. ok is false for one that
// is done, waits for a user or a consumer, is being filled, or reports a cause. CDI updates the heartbeat of a
// condition with its reason, and the transition time only with its status (CDI
// pkg/controller/datavolume/conditions.go, updateCondition).
func stuckSince(dataVolume *cdiv1.DataVolume) (since time.Time, ok bool) {
	switch dataVolume.Status.Phase {
	case cdiv1.Succeeded, cdiv1.Failed, cdiv1.WaitForFirstConsumer, cdiv1.PendingPopulation,
		cdiv1.UploadReady, cdiv1.Paused:
		return time.Time{}, false
	case cdiv1.CloneInProgress, cdiv1.CSICloneInProgress, cdiv1.SnapshotForSmartCloneInProgress,
		cdiv1.CloneFromSnapshotSourceInProgress,
		cdiv1.SmartClonePVCInProgress, cdiv1.NamespaceTransferInProgress, cdiv1.RebindInProgress,
		cdiv1.ExpansionInProgress, cdiv1.PrepClaimInProgress:
		return time.Time{}, false // the storage copies, and no pod runs
	}
	if _, refused := ClaimRefused(dataVolume); refused != "" || ImporterSays(dataVolume) != "" {
		return time.Time{}, false
	}
	since = dataVolume.CreationTimestamp.Time
	if running := Condition(dataVolume, cdiv1.DataVolumeRunning); running != nil {
		if running.Status == corev1.ConditionTrue {
			return time.Time{}, false
		}
		if !running.LastHeartbeatTime.IsZero() {
			since = running.LastHeartbeatTime.Time
		}
	}
	return since, true
}

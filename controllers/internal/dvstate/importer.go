package dvstate

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/warnings"
)

// Waiting is what the importer pod of a DataVolume waits for that has its node and does not start.
type Waiting struct {
	// Says is empty when nobody says anything.
	Says string
	// Again is when to ask again, zero for never: no watch tells.
	Again time.Duration
}

// Importer asks what the importer pod of a DataVolume waits for, such as a ConfigMap that does not exist: kubelet tells that by events only, and
// CDI copies nothing of them.
func Importer(ctx context.Context, live client.Reader, dataVolume *cdiv1.DataVolume, now time.Time) (Waiting, error) {
	since, ok := creatingSince(dataVolume)
	if !ok {
		return Waiting{}, nil
	}
	if waited := now.Sub(since); waited < warnings.Patience {
		return Waiting{Again: warnings.Patience - waited}, nil
	}
	waiting := Waiting{Again: warnings.Patience}
	claim, err := read.Get(ctx, live, dataVolume.Namespace, dataVolume.Name, &corev1.PersistentVolumeClaim{})
	if err != nil || claim == nil {
		return waiting, err
	}
	// CDI fills a claim of its own that becomes the DataVolume's, or, where the class has no CSI driver, the DataVolume's itself
	// (containerized-data-importer, pkg/controller/populators/util.go, PVCPrimeName, and import-controller.go, createImportPodNameFromPvc).
	for _, pod := range []string{"importer-prime-" + string(claim.UID), "importer-" + claim.Name} {
		latest, err := warnings.Latest(ctx, live, claim.Namespace,
			fields.SelectorFromSet(fields.Set{"involvedObject.kind": "Pod", "involvedObject.name": pod, "reason": "FailedMount"}))
		if err != nil {
			return waiting, err
		}
		if latest != nil {
			waiting.Says = fmt.Sprintf("DataVolume %s: the importer pod does not start: %s; it is tried again", dataVolume.Name, latest.Message)
			break // one of the two does not exist
		}
	}
	return waiting, nil
}

// creatingSince is since when the importer pod has been scheduled and has not started; ok is false when that is not so. CDI moves the heartbeat
// with the reason, and the transition with the status alone (CDI pkg/controller/datavolume/conditions.go, updateCondition).
func creatingSince(dataVolume *cdiv1.DataVolume) (since time.Time, ok bool) {
	running := Condition(dataVolume, cdiv1.DataVolumeRunning)
	if dataVolume.Status.Phase != cdiv1.ImportScheduled || running == nil || running.Reason != "ContainerCreating" {
		return time.Time{}, false
	}
	return running.LastHeartbeatTime.Time, true
}

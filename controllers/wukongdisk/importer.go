package wukongdisk

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

// importerPatience is how long an importer pod may be created before it is asked what it waits for, and then again each time: volumes are attached
// and images pulled in less, or the events say so.
const importerPatience = 30 * time.Second

// observeImporter reads why an importer pod that has its node does not start. No watch tells of that: the cache holds no events of pods.
func (r *Reconciler) observeImporter(ctx context.Context, observed *observation) error {
	if observed.dataVolume == nil || observed.claim == nil {
		return nil
	}
	since, creating := dvstate.CreatingSince(observed.dataVolume)
	if !creating {
		return nil
	}
	observed.importerAgain = importerPatience
	if waited := r.clock.Since(since); waited < importerPatience {
		observed.importerAgain -= waited
		return nil
	}
	var latest *corev1.Event
	// CDI fills a claim of its own that becomes the disk's, or, where the class has no CSI driver, the disk's itself
	// (containerized-data-importer, pkg/controller/populators/util.go, PVCPrimeName, and import-controller.go, createImportPodNameFromPvc).
	for _, pod := range []string{"importer-prime-" + string(observed.claim.UID), "importer-" + observed.claim.Name} {
		events := &corev1.EventList{}
		err := r.applier.Live.List(ctx, events, client.InNamespace(observed.claim.Namespace), client.MatchingFieldsSelector{
			Selector: fields.SelectorFromSet(fields.Set{"involvedObject.kind": "Pod", "involvedObject.name": pod, "reason": "FailedMount"}),
		})
		if err != nil {
			return fmt.Errorf("list what kubelet says of pod %s: %w", pod, err)
		}
		for i := range events.Items {
			if event := &events.Items[i]; latest == nil || latest.LastTimestamp.Before(&event.LastTimestamp) {
				latest = event
			}
		}
	}
	if latest != nil {
		observed.importerSays = latest.Message
	}
	return nil
}

package moverpod

import (
	"context"
	"regexp"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/controllers/internal/warnings"
)

// Refusals read why Jobs make no pods.
type Refusals struct {
	// Live reads from the API server.
	Live  client.Reader
	Clock clock.PassiveClock
}

// refusalLasts is how long an event counts that reports a refused pod. The Job controller tries at least once in a
// minute, and when there are many events, one is sent in five minutes (k8s.io/kubernetes, pkg/controller/job; client-go
// tools/record).
const refusalLasts = 6 * time.Minute

// Of is why a Job makes no pod, empty when nothing reports it, and when to ask again, zero for never. The Job
// controller reports it only in an event, and retries automatically (k8s.io/kubernetes,
// pkg/controller/controller_utils.go, FailedCreatePodReason). A nil Job makes no pod.
func (r Refusals) Of(
	ctx context.Context, made *batchv1.Job, pod *corev1.Pod,
) (refusal string, again time.Duration, err error) {
	if made == nil || End(made) != nil || !made.DeletionTimestamp.IsZero() || ptr.Deref(made.Spec.Suspend, false) {
		return "", 0, nil
	}
	since := made.CreationTimestamp.Time
	if pod != nil {
		if pod.Status.Phase != corev1.PodFailed {
			return "", 0, nil
		}
		since = pod.CreationTimestamp.Time // the next pod has to be made later
	}
	if waited := r.Clock.Since(since); waited < warnings.Patience {
		return "", warnings.Patience - waited, nil
	}
	latest, err := warnings.Latest(ctx, r.Live, made.Namespace,
		fields.SelectorFromSet(fields.Set{"involvedObject.uid": string(made.UID), "reason": "FailedCreate"}))
	if err != nil || latest == nil {
		return "", warnings.Patience, err
	}
	if seen := warnings.Seen(latest).Time; seen.After(since) && r.Clock.Since(seen) < refusalLasts {
		refusal = steady(latest.Message)
	}
	return refusal, warnings.Patience, nil
}

// varying is the part of a refusal that differs at each try: the name of the pod, and that there were several. A status
// with it would be written as long as the refusal lasts.
var varying = regexp.MustCompile(`^(\(combined from similar events\): )?(Error creating: )?(pods "[^"]*" is )?`)

func steady(message string) string { return varying.ReplaceAllString(message, "") }

package provisioner

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/read"
)

// ReadFailure returns the message of the latest event about a claim that gets no volume; empty without one. A
// provisioner reports this only in events, and most often in events of a claim that CDI made temporarily.
func ReadFailure(ctx context.Context, reader client.Reader, claim *corev1.PersistentVolumeClaim) (string, error) {
	if claim == nil || claim.Status.Phase != corev1.ClaimPending {
		return "", nil
	}
	failures := &corev1.EventList{}
	if err := reader.List(ctx, failures, client.MatchingFields{index.FailureByClaim: string(claim.UID)}); err != nil {
		return "", fmt.Errorf("list what the provisioner reports about PersistentVolumeClaim %s: %w", claim.Name, err)
	}
	var latest *corev1.Event
	for i := range failures.Items {
		failure := &failures.Items[i]
		unresolved, err := isUnresolved(ctx, reader, failure)
		if err != nil {
			return "", err
		}
		if unresolved && !isConflict(failure) && (latest == nil || isLater(failure, latest)) {
			latest = failure
		}
	}
	if latest == nil {
		return "", nil
	}
	return latest.Message, nil
}

// isLater orders events by their times, which are whole seconds, and by their messages: the cache lists in no order.
func isLater(one, two *corev1.Event) bool {
	if one.LastTimestamp.Equal(&two.LastTimestamp) {
		return one.Message > two.Message
	}
	return two.LastTimestamp.Before(&one.LastTimestamp)
}

// isUnresolved reports whether the claim that an event is about still has no volume. The API server keeps the event for
// an hour.
func isUnresolved(ctx context.Context, reader client.Reader, failure *corev1.Event) (bool, error) {
	about := failure.InvolvedObject
	claim, err := read.Get(ctx, reader, about.Namespace, about.Name, &corev1.PersistentVolumeClaim{})
	if err != nil || claim == nil {
		return false, err
	}
	return claim.UID == about.UID && claim.Status.Phase != corev1.ClaimBound, nil
}

// isConflict reports whether a provisioner failed only because another program wrote the claim at the same time
// (k8s.io/apiserver/pkg/registry/generic/registry/store.go, OptimisticLockErrorMsg). This is frequent, and the
// provisioner's next attempt succeeds a moment later.
func isConflict(failure *corev1.Event) bool {
	return strings.Contains(failure.Message,
		"the object has been modified; please apply your changes to the latest version")
}

// Failed reports the failure of the provisioner, which retries automatically.
func Failed(claim *corev1.PersistentVolumeClaim, failure string) *diskstate.Problem {
	if failure == "" {
		return nil
	}
	return diskstate.Failed(v1alpha1.ReasonProvisioningFailed,
		"PersistentVolumeClaim %s gets no volume: %s; it is retried", claim.Name, failure)
}

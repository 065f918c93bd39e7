package wukongdisk

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// observeProvisioner reads why a claim gets no volume. A provisioner tells nobody but an event, and most often one of a claim that CDI
// made in between, where a person would hardly look.
func (r *Reconciler) observeProvisioner(ctx context.Context, observed *observation) error {
	if observed.claim == nil || observed.claim.Status.Phase != corev1.ClaimPending {
		return nil
	}
	failures := &corev1.EventList{}
	if err := r.client.List(ctx, failures, client.MatchingFields{index.FailureByClaim: string(observed.claim.UID)}); err != nil {
		return fmt.Errorf("list what the provisioner says of PersistentVolumeClaim %s: %w", observed.claim.Name, err)
	}
	var latest *corev1.Event
	for i := range failures.Items {
		failure := &failures.Items[i]
		stands, err := r.stands(ctx, failure)
		if err != nil {
			return err
		}
		if stands && !lostRace(failure) && (latest == nil || latest.LastTimestamp.Before(&failure.LastTimestamp)) {
			latest = failure
		}
	}
	if latest != nil {
		observed.provisionerSays = latest.Message
	}
	return nil
}

// stands tells whether the claim that an event is about still has no volume. The event itself stays for an hour.
func (r *Reconciler) stands(ctx context.Context, failure *corev1.Event) (bool, error) {
	about := failure.InvolvedObject
	claim, err := read.Get(ctx, r.client, about.Namespace, about.Name, &corev1.PersistentVolumeClaim{})
	if err != nil || claim == nil {
		return false, err
	}
	return claim.UID == about.UID && claim.Status.Phase != corev1.ClaimBound, nil
}

// lostRace tells whether a provisioner only came too late to write a claim (k8s.io/apiserver/pkg/registry/generic/registry/store.go,
// OptimisticLockErrorMsg). That happens every day, and is over in a moment.
func lostRace(failure *corev1.Event) bool {
	return strings.Contains(failure.Message, "the object has been modified; please apply your changes to the latest version")
}

// provisioning is a failure of the provisioner, which tries again by itself.
func provisioning(observed *observation) *diskstate.Problem {
	if observed.provisionerSays == "" {
		return nil
	}
	return diskstate.Failed(v1alpha1.ReasonProvisioningFailed, "PersistentVolumeClaim %s gets no volume: %s; it is tried again", observed.claim.Name, observed.provisionerSays)
}

// disksOfFailure maps a provisioner's event to the disks on the claim, also when it is about a claim that CDI made for that one.
func (r *Reconciler) disksOfFailure() handler.EventHandler {
	return watches.Gather(func(ctx context.Context, obj client.Object) []reconcile.Request {
		var requests []reconcile.Request
		for _, uid := range index.ClaimsOfFailure(obj) {
			requests = append(requests, r.disksOfClaim(ctx, uid)...)
		}
		return requests
	}, whileItLives)
}

func (r *Reconciler) disksOfClaim(ctx context.Context, uid string) []reconcile.Request {
	var requests []reconcile.Request
	for _, claim := range watches.Requests(ctx, r.client, &corev1.PersistentVolumeClaimList{}, client.MatchingFields{index.ClaimByUID: uid}) {
		requests = append(requests, watches.Requests(ctx, r.client, newList(),
			client.InNamespace(claim.Namespace), client.MatchingFields{index.DiskByClaim: claim.Name})...)
	}
	return requests
}

// failureChange lets pass what a provisioner says anew. That it says the same again is no news, and that an event was forgotten neither.
func failureChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.(*corev1.Event).Message != e.ObjectNew.(*corev1.Event).Message
		},
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}

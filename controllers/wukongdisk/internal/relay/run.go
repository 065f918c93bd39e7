package relay

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
)

// Look is how often the pod of a relay is read until it is ready. A cache of pods for these few seconds would hold the
// pods of all namespaces.
const Look = 3 * time.Second

// Runner reads and writes the relays of disks.
type Runner struct {
	Client  client.Client
	Applier *apply.Applier
	// Uncached writes the Secret, the ConfigMap and the Service of a relay, once each: a cache of them would need the
	// right to list those of the whole cluster.
	Uncached     *apply.Applier
	Dependencies *dependency.Registry
	Clock        clock.PassiveClock
	// Mover is the image that moves the bytes; its name is empty when the manager does not know it.
	Mover kind.Mover
}

// NewRunner returns the Runner of a controller.
func NewRunner(env kind.Env, fieldManager string) (Runner, error) {
	uncached, err := env.Uncached()
	if err != nil {
		return Runner{}, err
	}
	return Runner{
		Client: env.Client(), Applier: env.Applier(), Dependencies: env.Dependencies, Clock: env.Clock,
		Uncached: &apply.Applier{Client: uncached, Live: uncached, FieldManager: fieldManager}, Mover: env.Settings.Mover,
	}, nil
}

// Read reads the relay of a disk that has or needs one.
func (r Runner) Read(ctx context.Context, view backing.View) (Seen, error) {
	in := Inputs{View: view, Seen: Seen{Mover: r.Mover}}
	if !Relays(view.Disk) {
		return in.Seen, nil
	}
	var err error
	if in.AssignsUsers, err = r.Dependencies.Served(ctx, dependency.SecurityContextConstraints); err != nil {
		return in.Seen, err
	}
	name := model.RelayName(view.Disk)
	in.Job, err = read.Get(ctx, r.Client, view.Disk.Namespace, name, &batchv1.Job{})
	if err != nil || !in.IsOurs() || !in.IsNeeded() {
		return in.Seen, err
	}
	pods := &corev1.PodList{}
	err = r.Applier.Live.List(ctx, pods, client.InNamespace(in.Job.Namespace),
		client.MatchingLabels{v1alpha1.LabelRelay: name, batchv1.ControllerUidLabel: string(in.Job.UID)})
	if err != nil {
		return in.Seen, fmt.Errorf("list the pods of Job %s: %w", name, err)
	}
	for i := range pods.Items {
		if pod := &pods.Items[i]; in.Pod == nil || in.Pod.CreationTimestamp.Before(&pod.CreationTimestamp) {
			in.Pod = pod
		}
	}
	in.Refusal, _, err = moverpod.Refusals{Live: r.Applier.Live, Clock: r.Clock}.Of(ctx, in.Job, in.Pod)
	return in.Seen, err
}

// Run makes the relay of a disk that needs one, and deletes it when the disk has its bytes.
func (r Runner) Run(ctx context.Context, in Inputs) error {
	if !in.IsNeeded() || in.HasEnded() {
		return r.end(ctx, in) // one that has ended is made again by the pass that its deletion starts
	}
	if in.Mover.Image == "" || in.Job != nil && (!in.IsOurs() || !in.Job.DeletionTimestamp.IsZero()) {
		return nil
	}
	if in.Job == nil {
		made, err := apply.Child(ctx, r.Applier, in.Disk, in.DesiredJob())
		if err != nil {
			return err
		}
		in.Job = made
	}
	if in.IsReady() && in.DataVolume != nil {
		return nil
	}
	// Kubelet gives the pod any Secret of that name. No importer begins before it is known to be ours.
	return r.supply(ctx, in)
}

// supply makes what the pod of a relay and the importer need. The token is made once.
func (r Runner) supply(ctx context.Context, in Inputs) error {
	name := model.RelayName(in.Disk)
	secret, err := read.Get(ctx, r.Uncached.Client, in.Disk.Namespace, name, &corev1.Secret{})
	if err != nil {
		return err
	}
	if secret != nil && !metav1.IsControlledBy(secret, in.Job) {
		return &apply.NameConflictError{Kind: "Secret", Name: name}
	}
	if secret == nil {
		made, trusted, err := in.Access(r.Clock.Now())
		if err != nil {
			return err
		}
		// The ConfigMap first: a Secret that exists has its certificate there.
		if _, err := apply.Child(ctx, r.Uncached, in.Job, trusted); err != nil {
			return err
		}
		if _, err := apply.Child(ctx, r.Uncached, in.Job, made); err != nil {
			return err
		}
	}
	_, err = apply.Child(ctx, r.Uncached, in.Job, in.Service())
	return err
}

// end deletes the Job of a relay, and the garbage collector what the Job owns.
func (r Runner) end(ctx context.Context, in Inputs) error {
	job := in.Job
	if !in.IsOurs() || !job.DeletionTimestamp.IsZero() {
		return nil
	}
	uid := job.UID
	err := r.Client.Delete(ctx, job,
		client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &uid})
	if client.IgnoreNotFound(err) != nil {
		return apply.Classify("Job", job.Name, err)
	}
	return nil
}

package wukong

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
)

// child is what the umbrella knows of one of its objects.
type child struct {
	kind, name string
	// depth is the place of the kind in the list of kinds: causes before consequences.
	depth int
	// operation: the child says nothing of the application's state. A backup that runs, or has failed, or a link that has expired, is no reason
	// to call machines unready that run.
	operation bool
	// ready is the child's Ready condition, Unknown while it says nothing of its current spec.
	ready    metav1.Condition
	phase    string
	deleting bool
}

func (c *child) isReady() bool { return c.ready.Status == metav1.ConditionTrue }

// children lists the objects of a Wukong, from the cache, by their owner references.
func (r *Reconciler) children(ctx context.Context, wukong *v1alpha1.Wukong) ([]child, error) {
	var found []child
	for depth, of := range r.kinds {
		list := of.NewList()
		// Others write the children, so there is no write of our own to wait for.
		err := r.client.List(ctx, list, client.InNamespace(wukong.Namespace),
			client.MatchingFields{index.ByUmbrellaUID: string(wukong.UID)}, client.DisableReadYourWritesConsistency)
		if err != nil {
			return nil, fmt.Errorf("list the %ss of Wukong %s: %w", of.Type(), wukong.Name, err)
		}
		err = meta.EachListItem(list, func(item runtime.Object) error {
			described := describe(item.(v1alpha1.Object))
			described.kind, described.depth, described.operation = of.Type(), depth, of.Umbrella == kind.Operation
			found = append(found, described)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the list of %ss: %w", of.Type(), err)
		}
	}
	return found, nil
}

// describe leaves out what the kind decides.
func describe(obj v1alpha1.Object) child {
	return child{
		name:     obj.GetName(),
		ready:    conditions.Ready(obj),
		phase:    obj.GetPhase(),
		deleting: !obj.GetDeletionTimestamp().IsZero(),
	}
}

// parts are the children that make the application, without the operations on them.
func parts(children []child) []child {
	return slices.DeleteFunc(slices.Clone(children), func(c child) bool { return c.operation })
}

package wukong

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
)

// child is what the umbrella knows about one of its objects.
type child struct {
	model.Part
	// operation: the child does not affect the state of the application. A backup that runs or has failed, or an
	// expired link, does not make running WukongVMs unready.
	operation bool
}

// children returns the objects of a Wukong, from the cache, by their owner references.
func (r *Reconciler) children(ctx context.Context, wukong *v1alpha1.Wukong) ([]child, error) {
	var found []child
	for _, of := range r.kinds {
		list := of.NewList()
		// Others write the children, so there is no write of our own to wait for.
		err := r.client.List(ctx, list, client.InNamespace(wukong.Namespace),
			client.MatchingFields{index.ByUmbrellaUID: string(wukong.UID)}, client.DisableReadYourWritesConsistency)
		if err != nil {
			return nil, fmt.Errorf("list the %ss of Wukong %s: %w", of.Type(), wukong.Name, err)
		}
		err = meta.EachListItem(list, func(item runtime.Object) error {
			found = append(found, child{
				Part: model.PartOf(of.Type(), item.(v1alpha1.Object)), operation: of.Umbrella == kind.Operation,
			})
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the list of %ss: %w", of.Type(), err)
		}
	}
	return found, nil
}

// parts returns the children that form the application, without the operations on them.
func parts(children []child) []model.Part {
	var found []model.Part
	for i := range children {
		if !children[i].operation {
			found = append(found, children[i].Part)
		}
	}
	return found
}

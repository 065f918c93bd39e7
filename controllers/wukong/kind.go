package wukong

import (
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
)

// Kind declares Wukong and its controller, for children of some kinds, causes before consequences: a WukongVM that
// waits for a disk is not ready because of the disk. A kind is listed only if its CustomResourceDefinition is
// installed with the operator, because a manager does not start with a watch on a kind that is not served.
func Kind(children []kind.Kind) kind.Kind {
	reads := []kind.Read{{
		Of:      &v1alpha1.Wukong{},
		Why:     "the application itself, once its children had their chance to link",
		Watches: []kind.Watch{kind.By(ownHandler())},
	}}
	var indexes []index.Entry
	for _, child := range children {
		reads = append(reads, kind.Read{
			Of: child.Object, Why: "how the objects of the application are",
			Watches: []kind.Watch{kind.By(childHandler())},
		})
		indexes = append(indexes, index.OfUmbrella(child.Object))
	}
	return kind.Kind{
		Name:         "wukong",
		Object:       &v1alpha1.Wukong{},
		List:         &v1alpha1.WukongList{},
		FieldManager: fieldManager,
		Reads:        reads,
		Indexes:      indexes,
		Start: func(env kind.Env) (reconcile.Reconciler, error) {
			return &Reconciler{client: env.Client(), applier: env.Applier(), clock: env.Clock, kinds: children}, nil
		},
	}
}

// Package watches turns events of one object into requests for others.
package watches

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Requests lists objects from the cache and returns a request for each. A map function cannot return an error: a
// failed list is logged, and can only happen while the manager stops, since the cache answers it. The list does not
// wait for pending writes to reach the cache: that would delay the event, and it looks up by spec and names, which we
// do not write.
func Requests(
	ctx context.Context, reader client.Reader, list client.ObjectList, options ...client.ListOption,
) []reconcile.Request {
	return requests(ctx, reader, list, func(runtime.Object) bool { return true }, options)
}

// Unfinished is Requests for the operations of a list that have not ended.
func Unfinished(
	ctx context.Context, reader client.Reader, list client.ObjectList, options ...client.ListOption,
) []reconcile.Request {
	return requests(ctx, reader, list, func(item runtime.Object) bool {
		return !item.(v1alpha1.Operation).Finished()
	}, options)
}

func requests(
	ctx context.Context, reader client.Reader, list client.ObjectList, accepts func(runtime.Object) bool,
	options []client.ListOption,
) []reconcile.Request {
	if err := reader.List(ctx, list, append(options, client.DisableReadYourWritesConsistency)...); err != nil {
		logf.FromContext(ctx).Error(err, "list objects to enqueue")
		return nil
	}
	var found []reconcile.Request
	_ = meta.EachListItem(list, func(item runtime.Object) error {
		if accepts(item) {
			found = append(found, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(item.(client.Object))})
		}
		return nil
	})
	return found
}

package operation

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/pass"
)

// Object is an operation in the API.
type Object interface {
	client.Object
	v1alpha1.Operation
}

// again is when to try the deletion of an operation again that has just been changed: this pass may have read it
// before.
const again = time.Second

// End follows a pass whose status is written. For a finished operation it calls cleanUp, which deletes what is not
// needed any more, and deletes the operation itself when its ttlSecondsAfterFinished is over. An error of that is
// reported in an event and retried: status is the record of the work. It returns the result of the pass.
func End(
	ctx context.Context, writer client.Writer, recorder events.EventRecorder, operation Object, result reconcile.Result,
	now time.Time, cleanUp func(context.Context) error,
) reconcile.Result {
	if !operation.Finished() {
		return result
	}
	left, err := retire(ctx, writer, operation, now, cleanUp)
	if left > 0 && (result.RequeueAfter == 0 || left < result.RequeueAfter) {
		result.RequeueAfter = left
	}
	return pass.CleanUp(recorder, operation, result, err)
}

// retire returns how long the operation remains; zero when it is deleted, or remains for ever.
func retire(
	ctx context.Context, writer client.Writer, operation Object, now time.Time, cleanUp func(context.Context) error,
) (time.Duration, error) {
	if err := cleanUp(ctx); err != nil {
		return 0, err
	}
	seconds := operation.TTLAfterFinished()
	if seconds == nil || operation.GetDeletionTimestamp() != nil {
		return 0, nil
	}
	if left := Left(operation.OperationStatus().CompletionTime.Time, *seconds, now); left > 0 {
		return left, nil
	}
	// The version as well: a user who removes ttlSecondsAfterFinished at the last moment keeps the object.
	uid, version := operation.GetUID(), operation.GetResourceVersion()
	preconditions := client.Preconditions{UID: &uid, ResourceVersion: &version}
	switch err := writer.Delete(ctx, operation, preconditions); {
	case apierrors.IsConflict(err):
		return again, nil
	case client.IgnoreNotFound(err) != nil:
		return 0, fmt.Errorf("delete %s, whose ttlSecondsAfterFinished is over: %w", operation.GetName(), err)
	}
	return 0, nil
}

package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Applier writes the children of one kind, as one field manager.
type Applier struct {
	// Client reads from the cache and its own writes, and writes to the API server.
	Client client.Client
	// Live reads from the API server, for kinds of which the caches hold only objects of ours: a foreign object that sits on a name we
	// need is visible here alone. Nil when Client sees every object of the kinds that are applied.
	Live client.Reader
	// FieldManager owns the fields that are applied, for example "wukong-disk-controller".
	FieldManager string
	// Recorder makes the events of the controller's own kind. Nil where no status is written.
	Recorder events.EventRecorder
}

// Child brings one child of owner to the desired state, and returns it as the API server has it.
//
// The child gets a controller reference to owner and the labels that mark it as ours. Nothing is sent when the cached
// child already carries every desired field with the desired value. A child that is being deleted is returned as it
// is. An object that exists under the name but is not controlled by owner is left alone: *NameConflictError. An object
// that the API server refuses for good: *RefusedError. With a resourceVersion, desired is written over that version only, else a
// conflict is returned.
func Child[T client.Object](ctx context.Context, applier *Applier, owner client.Object, desired T) (T, error) {
	var none T
	kind, err := apiutil.GVKForObject(desired, applier.Client.Scheme())
	if err != nil {
		return none, err
	}
	if err := controllerutil.SetControllerReference(owner, desired, applier.Client.Scheme(), controllerutil.WithBlockOwnerDeletion(false)); err != nil {
		return none, fmt.Errorf("set owner of %s %s: %w", kind.Kind, desired.GetName(), err)
	}
	return bring(ctx, applier, desired, kind, func(live metav1.Object) bool { return metav1.IsControlledBy(live, owner) })
}

// Shared brings an object without an owner to the desired state: one of the cluster that objects of several namespaces share, so that no
// owner reference is possible. The label that marks it as ours is all that tells; an object without it is left alone. All else is as
// with Child.
func Shared[T client.Object](ctx context.Context, applier *Applier, desired T) (T, error) {
	var none T
	kind, err := apiutil.GVKForObject(desired, applier.Client.Scheme())
	if err != nil {
		return none, err
	}
	return bring(ctx, applier, desired, kind, Ours)
}

// Ours tells whether an object carries the label that marks what Wukong has made.
func Ours(obj metav1.Object) bool {
	return obj.GetLabels()[v1alpha1.LabelManagedBy] == v1alpha1.LabelManagedByValue
}

// bring applies desired, unless the live object carries it, goes, or is not ours.
func bring[T client.Object](ctx context.Context, applier *Applier, desired T, kind schema.GroupVersionKind, ours func(metav1.Object) bool) (T, error) {
	var none T
	addLabel(desired, v1alpha1.LabelManagedBy, v1alpha1.LabelManagedByValue)
	fields, err := appliedFields(desired, kind.GroupVersion().String(), kind.Kind)
	if err != nil {
		return none, fmt.Errorf("encode %s %s: %w", kind.Kind, desired.GetName(), err)
	}

	live := desired.DeepCopyObject().(T)
	err = applier.Client.Get(ctx, client.ObjectKeyFromObject(desired), live)
	switch {
	case apierrors.IsNotFound(err):
		if err := applier.refuseForeign(ctx, desired, kind, ours); err != nil {
			return none, err
		}
	case err != nil:
		return none, fmt.Errorf("get %s %s: %w", kind.Kind, desired.GetName(), err)
	case !ours(live):
		return none, nameConflict(kind.Kind, live)
	case !live.GetDeletionTimestamp().IsZero():
		return live, nil
	default:
		same, err := carries(live, fields)
		if err != nil {
			return none, fmt.Errorf("compare %s %s: %w", kind.Kind, desired.GetName(), err)
		}
		if same {
			return live, nil
		}
	}
	return patch(ctx, applier, desired, fields, kind.Kind)
}

func patch[T client.Object](ctx context.Context, applier *Applier, desired T, fields map[string]any, kind string) (T, error) {
	var none T
	if version := desired.GetResourceVersion(); version != "" {
		fields["metadata"].(map[string]any)["resourceVersion"] = version
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return none, fmt.Errorf("encode %s %s: %w", kind, desired.GetName(), err)
	}
	err = applier.Client.Patch(ctx, desired, client.RawPatch(types.ApplyPatchType, body),
		client.FieldOwner(applier.FieldManager), client.ForceOwnership)
	if err != nil {
		return none, Classify(kind, desired.GetName(), err)
	}
	return desired, nil
}

// refuseForeign asks the API server itself, before a first write, whether the name is free.
func (a *Applier) refuseForeign(ctx context.Context, desired client.Object, kind schema.GroupVersionKind, ours func(metav1.Object) bool) error {
	if a.Live == nil {
		return nil
	}
	existing := &metav1.PartialObjectMetadata{}
	existing.SetGroupVersionKind(kind)
	err := a.Live.Get(ctx, client.ObjectKeyFromObject(desired), existing)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("get %s %s: %w", kind.Kind, desired.GetName(), err)
	case !ours(existing):
		return nameConflict(kind.Kind, existing)
	default:
		return nil
	}
}

// appliedFields turns an object into what server-side apply sends: set fields only, no status, and the digest of it all.
func appliedFields(desired client.Object, apiVersion, kind string) (map[string]any, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(desired)
	if err != nil {
		return nil, err
	}
	fields["apiVersion"], fields["kind"] = apiVersion, kind
	delete(fields, "status")
	delete(fields["metadata"].(map[string]any), "resourceVersion")
	dropNulls(fields)

	digest, err := digestOf(fields)
	if err != nil {
		return nil, err
	}
	metadata := fields["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	if annotations == nil {
		annotations = map[string]any{}
	}
	annotations[v1alpha1.AnnotationAppliedHash] = digest
	metadata["annotations"] = annotations
	return fields, nil
}

// digestOf is stable: encoding/json writes maps in key order.
func digestOf(fields map[string]any) (string, error) {
	body, err := json.Marshal(fields)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8]), nil
}

// dropNulls removes null values: typed objects encode an unset creationTimestamp as null, and apply would own it.
func dropNulls(value any) {
	switch typed := value.(type) {
	case map[string]any:
		for key, item := range typed {
			if item == nil {
				delete(typed, key)
				continue
			}
			dropNulls(item)
		}
	case []any:
		for _, item := range typed {
			dropNulls(item)
		}
	}
}

func addLabel(obj client.Object, key, value string) {
	labels := obj.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[key] = value
	obj.SetLabels(labels)
}

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
	// Client reads from the cache, including its own writes, and writes to the API server.
	Client client.Client
	// Live reads from the API server, for kinds of which the cache holds only managed objects: only here is an
	// unmanaged object with a name that we need visible. Nil when Client sees every object of the applied kinds.
	Live client.Reader
	// FieldManager owns the applied fields, for example "wukong-disk-controller".
	FieldManager string
	// Recorder creates the events of the controller's own kind. Nil when no status is written.
	Recorder events.EventRecorder
}

// Child applies the desired state of one child of owner, and returns the child as the API server has it.
//
// The child gets a controller reference to owner and the labels of managed objects. Nothing is sent when the cached
// child already has every desired field with the desired value. A child that is being deleted is returned unchanged.
// An existing object with the name that owner does not control is left alone, and the error is a *NameConflictError.
// An object that the API server refuses permanently gives a *RefusedError. If desired has a resourceVersion, it
// replaces only that version, and if it has a UID, only that object; otherwise the API server returns a conflict. So an
// object that was deleted since it was read is not created again.
func Child[T client.Object](ctx context.Context, applier *Applier, owner client.Object, desired T) (T, error) {
	var none T
	kind, err := apiutil.GVKForObject(desired, applier.Client.Scheme())
	if err != nil {
		return none, err
	}
	if err := controllerutil.SetControllerReference(owner, desired, applier.Client.Scheme(),
		controllerutil.WithBlockOwnerDeletion(false)); err != nil {
		return none, fmt.Errorf("set owner of %s %s: %w", kind.Kind, desired.GetName(), err)
	}
	return bring(ctx, applier, desired, kind, func(live metav1.Object) bool {
		return metav1.IsControlledBy(live, owner)
	})
}

// Shared applies an object without an owner: a cluster-scoped one that objects of several namespaces share, so that an
// owner reference is impossible. Only the label marks it as managed; an object without the label is left alone. All
// else is as in Child.
func Shared[T client.Object](ctx context.Context, applier *Applier, desired T) (T, error) {
	var none T
	kind, err := apiutil.GVKForObject(desired, applier.Client.Scheme())
	if err != nil {
		return none, err
	}
	return bring(ctx, applier, desired, kind, Ours)
}

// Ours reports whether an object has the label of objects that Wukong manages.
func Ours(obj metav1.Object) bool {
	return obj.GetLabels()[v1alpha1.LabelManagedBy] == v1alpha1.LabelManagedByValue
}

// bring applies desired unless the live object already matches it, is being deleted, or is not managed by Wukong.
func bring[T client.Object](
	ctx context.Context, applier *Applier, desired T, kind schema.GroupVersionKind, managed func(metav1.Object) bool,
) (T, error) {
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
		if err := applier.refuseUnmanaged(ctx, desired, kind, managed); err != nil {
			return none, err
		}
	case err != nil:
		return none, fmt.Errorf("get %s %s: %w", kind.Kind, desired.GetName(), err)
	case !managed(live):
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

func patch[T client.Object](
	ctx context.Context, applier *Applier, desired T, fields map[string]any, kind string,
) (T, error) {
	var none T
	metadata := fields["metadata"].(map[string]any)
	if version := desired.GetResourceVersion(); version != "" {
		metadata["resourceVersion"] = version
	}
	if uid := desired.GetUID(); uid != "" {
		metadata["uid"] = uid
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

// refuseUnmanaged asks the API server, before the first write, whether the name is free.
func (a *Applier) refuseUnmanaged(
	ctx context.Context, desired client.Object, kind schema.GroupVersionKind, managed func(metav1.Object) bool,
) error {
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
	case !managed(existing):
		return nameConflict(kind.Kind, existing)
	default:
		return nil
	}
}

// appliedFields returns what server-side apply sends for an object: set fields only, no status, and a digest of all.
func appliedFields(desired client.Object, apiVersion, kind string) (map[string]any, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(desired)
	if err != nil {
		return nil, err
	}
	fields["apiVersion"], fields["kind"] = apiVersion, kind
	delete(fields, "status")
	delete(fields["metadata"].(map[string]any), "resourceVersion")
	delete(fields["metadata"].(map[string]any), "uid")
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

package addon

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// ApplyYAML applies all documents of a manifest by server-side apply, CustomResourceDefinitions and Namespaces first.
func (c *Cluster) ApplyYAML(ctx context.Context, manifest []byte) error {
	objects, err := ParseYAML(manifest)
	if err != nil {
		return err
	}
	return c.applyAll(ctx, objects)
}

// Apply applies typed or unstructured objects by server-side apply. Typed objects are those of client-go's scheme.
func (c *Cluster) Apply(ctx context.Context, objects ...client.Object) error {
	var all []*unstructured.Unstructured
	for _, object := range objects {
		converted, err := toUnstructured(object)
		if err != nil {
			return err
		}
		all = append(all, converted)
	}
	return c.applyAll(ctx, all)
}

func (c *Cluster) applyAll(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, first := range []bool{true, false} {
		for _, object := range objects {
			if isFoundation(object) != first {
				continue
			}
			if err := c.applyOne(ctx, object); err != nil {
				return err
			}
		}
	}
	return nil
}

// isFoundation is true for objects that others in the same manifest cannot exist without.
func isFoundation(object *unstructured.Unstructured) bool {
	kind := object.GetKind()
	return kind == "Namespace" || kind == "CustomResourceDefinition"
}

func (c *Cluster) applyOne(ctx context.Context, object *unstructured.Unstructured) error {
	if err := markImages(object, c.ImageDigests); err != nil {
		return err
	}
	apply := func(ctx context.Context) (string, error) {
		err := c.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object.DeepCopy()),
			client.FieldOwner(FieldManager), client.ForceOwnership)
		if err != nil && isTransient(err) {
			return err.Error(), nil
		}
		return "", err
	}
	what := fmt.Sprintf("apply %s %s", object.GetKind(), client.ObjectKeyFromObject(object))
	return WaitFor(ctx, applyPatience, what, apply)
}

// ParseYAML splits a manifest into its objects.
func ParseYAML(manifest []byte) ([]*unstructured.Unstructured, error) {
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifest)))
	var objects []*unstructured.Unstructured
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("split manifest: %w", err)
		}
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(document, &object.Object); err != nil {
			return nil, fmt.Errorf("parse manifest: %w\n%s", err, document)
		}
		if len(object.Object) == 0 {
			continue
		}
		if object.IsList() {
			err := object.EachListItem(func(item runtime.Object) error {
				objects = append(objects, item.(*unstructured.Unstructured))
				return nil
			})
			if err != nil {
				return nil, fmt.Errorf("parse list: %w", err)
			}
			continue
		}
		objects = append(objects, object)
	}
}

func toUnstructured(object client.Object) (*unstructured.Unstructured, error) {
	if already, ok := object.(*unstructured.Unstructured); ok {
		return already, nil
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("convert %T: %w", object, err)
	}
	converted := &unstructured.Unstructured{Object: content}
	if converted.GroupVersionKind().Empty() {
		kind, err := apiutil.GVKForObject(object, scheme.Scheme)
		if err != nil {
			return nil, fmt.Errorf("kind of %T: %w", object, err)
		}
		converted.SetGroupVersionKind(kind)
	}
	// Both are written by the server; a typed object has them as zero values, which must not be applied.
	unstructured.RemoveNestedField(converted.Object, "metadata", "creationTimestamp")
	delete(converted.Object, "status")
	return converted, nil
}

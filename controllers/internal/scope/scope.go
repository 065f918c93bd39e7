// Package scope limits a release of Wukong to some namespaces: it has rights and caches only there, and knows nothing
// of others.
package scope

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Namespaces are those that a release works in; an empty list means all.
type Namespaces []string

// Parse checks and sorts the names of namespaces.
func Parse(names []string) (Namespaces, error) {
	for _, name := range names {
		if faults := validation.IsDNS1123Label(name); len(faults) > 0 {
			return nil, fmt.Errorf("%q is not the name of a namespace: %s", name, strings.Join(faults, "; "))
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names))), nil
}

// Limited reports whether there are namespaces that the release does not work in.
func (n Namespaces) Limited() bool { return len(n) > 0 }

// Contain reports whether the release works in a namespace.
func (n Namespaces) Contain(namespace string) bool {
	return !n.Limited() || slices.Contains(n, namespace)
}

// String is for messages to users.
func (n Namespaces) String() string {
	if !n.Limited() {
		return "all"
	}
	return strings.Join(n, ", ")
}

// Cache returns the cache configuration of namespaced kinds.
func (n Namespaces) Cache() map[string]cache.Config {
	if !n.Limited() {
		return nil
	}
	configs := map[string]cache.Config{}
	for _, namespace := range n {
		configs[namespace] = cache.Config{}
	}
	return configs
}

// NewClient returns a client that treats objects in other namespaces as not found. The cache itself would return an
// error (controller-runtime, pkg/cache/multi_namespace_cache.go), and each pass that reads there would fail for ever.
func (n Namespaces) NewClient(config *rest.Config, options client.Options) (client.Client, error) {
	made, err := client.New(config, options)
	if err != nil || !n.Limited() {
		return made, err
	}
	return limited{Client: made, namespaces: n}, nil
}

type limited struct {
	client.Client
	namespaces Namespaces
}

// Get implements client.Reader.
func (l limited) Get(ctx context.Context, key client.ObjectKey, obj client.Object, options ...client.GetOption) error {
	if key.Namespace == "" || l.namespaces.Contain(key.Namespace) {
		return l.Client.Get(ctx, key, obj, options...)
	}
	kind, err := l.GroupVersionKindFor(obj)
	if err != nil {
		return err
	}
	return apierrors.NewNotFound(schema.GroupResource{Group: kind.Group, Resource: kind.Kind}, key.String())
}

// List implements client.Reader.
func (l limited) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	wanted := client.ListOptions{}
	if wanted.ApplyOptions(options); wanted.Namespace != "" && !l.namespaces.Contain(wanted.Namespace) {
		return meta.SetList(list, nil)
	}
	return l.Client.List(ctx, list, options...)
}

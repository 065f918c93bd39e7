package kind

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Reads lists what the controllers of some kinds read.
func Reads(kinds []Kind) []Read {
	var reads []Read
	for _, kind := range kinds {
		reads = append(reads, kind.Reads...)
	}
	return reads
}

// CacheOptions are how the cache holds the types of some reads: of each type, the objects that any reader selects, and
// of each object what any reader keeps. A type that a reader takes as it is has no options, unless it is read
// everywhere.
func CacheOptions(scheme *runtime.Scheme, reads []Read) map[client.Object]cache.ByObject {
	byType, order := map[schema.GroupVersionKind][]Read{}, []schema.GroupVersionKind{}
	for _, read := range reads {
		if read.Live {
			continue
		}
		kind := kindOf(scheme, read.Of)
		if byType[kind] == nil {
			order = append(order, kind)
		}
		byType[kind] = append(byType[kind], read)
	}
	options := map[client.Object]cache.ByObject{}
	for _, kind := range order {
		readers := byType[kind]
		option := cache.ByObject{Label: anyLabels(readers), Field: anyFields(readers)}
		if keeps, some := keepsOf(readers); some {
			option.Transform = func(obj any) (any, error) { return keep(obj, keeps...), nil }
		}
		if slices.ContainsFunc(readers, func(read Read) bool { return read.Everywhere }) {
			option.Namespaces = map[string]cache.Config{cache.AllNamespaces: {}}
		}
		if option.Label != nil || option.Field != nil || option.Transform != nil || option.Namespaces != nil {
			options[readers[0].Of] = option
		}
	}
	return options
}

// AddOptional adds the types that CacheOptions has options for and that the cluster may not serve to a REST mapper. The
// cache asks for their scope when it is created, and without this a manager could not start before they are served.
func AddOptional(mapper *meta.DefaultRESTMapper, scheme *runtime.Scheme, reads []Read) {
	for obj := range CacheOptions(scheme, reads) {
		kind := kindOf(scheme, obj)
		for _, read := range reads {
			if read.API == nil || kindOf(scheme, read.Of) != kind {
				continue
			}
			mapper.Add(kind, read.API.Scope())
			break
		}
	}
}

func kindOf(scheme *runtime.Scheme, obj client.Object) schema.GroupVersionKind {
	kind, err := apiutil.GVKForObject(obj, scheme)
	if err != nil {
		panic(fmt.Sprintf("a kind reads %T, which the scheme does not know: %v", obj, err))
	}
	return kind
}

// anyLabels selects what any reader selects; nil for everything. It joins selectors that ask for values of one label.
// Others have no union that a request could ask for.
func anyLabels(readers []Read) labels.Selector {
	union := readers[0].Labels
	for _, read := range readers[1:] {
		union = join(union, read.Labels)
	}
	return union
}

func join(one, two labels.Selector) labels.Selector {
	if one == nil || two == nil {
		return nil
	}
	if one.String() == two.String() {
		return one
	}
	key, values := valuesOf(one)
	otherKey, otherValues := valuesOf(two)
	if key == "" || key != otherKey {
		return nil
	}
	values = slices.Compact(slices.Sorted(slices.Values(append(values, otherValues...))))
	requirement, err := labels.NewRequirement(key, selection.In, values)
	if err != nil {
		return nil
	}
	return labels.NewSelector().Add(*requirement)
}

// valuesOf returns the label and its values that a selector asks for. Both are empty when it asks for something else.
func valuesOf(selector labels.Selector) (key string, values []string) {
	requirements, _ := selector.Requirements()
	ofValues := []selection.Operator{selection.In, selection.Equals, selection.DoubleEquals}
	if len(requirements) != 1 || !slices.Contains(ofValues, requirements[0].Operator()) {
		return "", nil
	}
	return requirements[0].Key(), requirements[0].ValuesUnsorted()
}

// anyFields is anyLabels for fields: selectors that differ have no union.
func anyFields(readers []Read) fields.Selector {
	union := readers[0].Fields
	for _, read := range readers[1:] {
		if union == nil || read.Fields == nil || union.String() != read.Fields.String() {
			return nil
		}
	}
	return union
}

package apply

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// mergedLists are the lists of each kind of child to which other field managers may add items, as paths without
// indexes. The API server merges the applied items with theirs (x-kubernetes-list-type map and set, listType in
// k8s.io/api): no write of ours would remove an item of theirs. Every other list it replaces as a whole. The containers
// of a Job are left out, because nobody can change them.
var mergedLists = map[string][]string{
	"Service": {"spec.ports"},
	"VirtualMachine": {
		"spec.template.spec.resourceClaims", "spec.template.spec.topologySpreadConstraints",
	},
	"WukongDisk": {"spec.accessModes", "spec.cloneableFrom"},
	"WukongNetwork": {
		"spec.bridge.managed.bond.ports", "spec.bridge.managed.ports", "spec.reservations", "spec.routes", "spec.subnets",
		"spec.subnets.pool.exclude",
	},
}

// carries reports whether live has every applied field with the applied value. Other fields belong to others: defaults
// of the API server, fields of KubeVirt, items of merged lists. A field or item that is no longer applied changes the
// digest, which is one of the applied fields.
func carries(live client.Object, fields map[string]any) (bool, error) {
	actual, err := runtime.DefaultUnstructuredConverter.ToUnstructured(live)
	if err != nil {
		return false, err
	}
	kind, _ := fields["kind"].(string)
	merged := mergedLists[kind]
	for key, wanted := range fields {
		switch key {
		case "apiVersion", "kind": // a typed object read from the cache does not have them
			continue
		case "metadata":
			if !metadataCovers(actual[key], wanted) {
				return false, nil
			}
		default:
			if !covers(actual[key], wanted, key, merged) {
				return false, nil
			}
		}
	}
	return true, nil
}

func metadataCovers(actual, wanted any) bool {
	actualFields, _ := actual.(map[string]any)
	sets := []string{"ownerReferences", "finalizers"}
	for key, value := range wanted.(map[string]any) {
		if !covers(actualFields[key], value, key, sets) {
			return false
		}
	}
	return true
}

// covers reports whether the value at a path has what is wanted. merged are the paths of the lists that may have other
// items, too.
func covers(actual, wanted any, path string, merged []string) bool {
	switch wantedValue := wanted.(type) {
	case map[string]any:
		actualMap, ok := actual.(map[string]any)
		if !ok {
			return actual == nil && len(wantedValue) == 0
		}
		for key, item := range wantedValue {
			if !covers(actualMap[key], item, path+"."+key, merged) {
				return false
			}
		}
		return true
	case []any:
		actualList, _ := actual.([]any)
		if slices.Contains(merged, path) {
			return contains(actualList, wantedValue, path, merged)
		}
		return slices.EqualFunc(actualList, wantedValue, func(actual, wanted any) bool {
			return covers(actual, wanted, path, merged)
		})
	default:
		return equality.Semantic.DeepEqual(actual, wanted)
	}
}

// contains reports whether every wanted item is covered by an item of the list.
func contains(actual, wanted []any, path string, merged []string) bool {
	for _, item := range wanted {
		if !slices.ContainsFunc(actual, func(candidate any) bool { return covers(candidate, item, path, merged) }) {
			return false
		}
	}
	return true
}

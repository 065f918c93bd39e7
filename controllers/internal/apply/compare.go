package apply

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// carries reports whether live has every applied field with the applied value. Other fields belong to others: defaults
// of the API server, fields of KubeVirt. A field that is no longer applied changes the digest, which is one of the
// applied fields.
func carries(live client.Object, fields map[string]any) (bool, error) {
	actual, err := runtime.DefaultUnstructuredConverter.ToUnstructured(live)
	if err != nil {
		return false, err
	}
	for key, wanted := range fields {
		switch key {
		case "apiVersion", "kind": // a typed object read from the cache does not have them
			continue
		case "metadata":
			if !metadataCovers(actual[key], wanted) {
				return false, nil
			}
		default:
			if !covers(actual[key], wanted) {
				return false, nil
			}
		}
	}
	return true, nil
}

func metadataCovers(actual, wanted any) bool {
	actualFields, _ := actual.(map[string]any)
	for key, value := range wanted.(map[string]any) {
		switch key {
		case "ownerReferences", "finalizers": // sets that others may extend
			if !contains(actualFields[key], value) {
				return false
			}
		default:
			if !covers(actualFields[key], value) {
				return false
			}
		}
	}
	return true
}

func covers(actual, wanted any) bool {
	switch wantedValue := wanted.(type) {
	case map[string]any:
		actualMap, ok := actual.(map[string]any)
		if !ok {
			return actual == nil && len(wantedValue) == 0
		}
		for key, item := range wantedValue {
			if !covers(actualMap[key], item) {
				return false
			}
		}
		return true
	case []any:
		actualList, _ := actual.([]any)
		if len(actualList) != len(wantedValue) {
			return false
		}
		for i := range wantedValue {
			if !covers(actualList[i], wantedValue[i]) {
				return false
			}
		}
		return true
	default:
		return equality.Semantic.DeepEqual(actual, wanted)
	}
}

// contains reports whether every wanted item is covered by an item of the list.
func contains(actual, wanted any) bool {
	actualList, _ := actual.([]any)
	for _, item := range wanted.([]any) {
		found := false
		for _, candidate := range actualList {
			if covers(candidate, item) {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

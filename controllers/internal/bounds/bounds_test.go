package bounds

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// kinds returns the kinds of the API that have a status.
func kinds() []client.Object {
	scheme := runtime.NewScheme()
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	var found []client.Object
	for _, of := range scheme.KnownTypes(v1alpha1.GroupVersion) {
		if object, ok := reflect.New(of).Interface().(client.Object); ok {
			if _, ok := object.(v1alpha1.Object); ok {
				found = append(found, object)
			}
		}
	}
	return found
}

// fill sets each field of the table to more than its bound, with each item twice.
func fill(value reflect.Value, path string, table map[string]bound, number int) {
	switch value.Kind() {
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		fill(value.Elem(), path, table, number)
	case reflect.Struct:
		for i := range value.NumField() {
			field := value.Type().Field(i)
			if _, leads := leading(table, path+"."+jsonName(&field)); field.IsExported() && leads {
				fill(value.Field(i), path+"."+jsonName(&field), table, number)
			}
		}
	case reflect.Slice:
		for i := range 2 * (table[path].most + 3) {
			item := reflect.New(value.Type().Elem()).Elem()
			fill(item, path+"[]", table, i/2)
			value.Set(reflect.Append(value, item))
		}
	case reflect.String:
		value.SetString(fmt.Sprintf("%d-", number) + strings.Repeat("ü", table[path].most))
	case reflect.Int32, reflect.Int64:
		value.SetInt(int64(number))
	}
}

// leading reports whether a path, or a path below it, is in the table.
func leading(table map[string]bound, path string) (string, bool) {
	for other := range table {
		if other == path || strings.HasPrefix(other, path+".") || strings.HasPrefix(other, path+"[]") {
			return other, true
		}
	}
	return "", false
}

// check walks a status that was cut, and records the paths of the table that it visited.
func check(t *testing.T, value reflect.Value, path string, table map[string]bound, seen map[string]bool) {
	t.Helper()
	limit, bounded := table[path]
	if bounded {
		seen[path] = true
	}
	switch value.Kind() {
	case reflect.Pointer:
		if !value.IsNil() {
			check(t, value.Elem(), path, table, seen)
		}
	case reflect.Struct:
		for i := range value.NumField() {
			field := value.Type().Field(i)
			if _, leads := leading(table, path+"."+jsonName(&field)); field.IsExported() && leads {
				check(t, value.Field(i), path+"."+jsonName(&field), table, seen)
			}
		}
	case reflect.Slice:
		require.True(t, limit.most == 0 || value.Len() <= limit.most, "%s has %d items", path, value.Len())
		require.Positive(t, value.Len(), path)
		keys := map[string]bool{}
		for i := range value.Len() {
			key := keyOf(value.Index(i), limit.keys)
			assert.False(t, limit.unique && keys[key], "%s has %s twice", path, key)
			keys[key] = true
			check(t, value.Index(i), path+"[]", table, seen)
		}
	case reflect.String:
		require.True(t, !bounded || utf8.RuneCountInString(value.String()) <= limit.most, "%s has %d characters",
			path, len(value.String()))
	}
}

// Fault B.5: the API server accepts every status, whatever others report.
func TestEachFieldIsCutToItsBound(t *testing.T) {
	for _, obj := range kinds() {
		name := reflect.TypeOf(obj).Elem().Name()
		t.Run(name, func(t *testing.T) {
			table := ofKinds[name]
			status := reflect.ValueOf(obj).Elem().FieldByName("Status")
			fill(status, "", table, 0)
			Cut(obj)
			seen := map[string]bool{}
			check(t, status, "", table, seen)
			for path := range table {
				assert.True(t, seen[path], "%s was not filled: is the path right?", path)
			}
		})
	}
	assert.Len(t, ofKinds, len(kinds()), "all kinds with a status")
}

func TestWhatIsWithinItsBoundsStays(t *testing.T) {
	vm := &v1alpha1.WukongVM{Status: v1alpha1.WukongVMStatus{
		NodeName: "node1",
		Networks: []v1alpha1.VMNetworkStatus{{Name: "lan", Addresses: []string{"10.0.0.1", "10.0.0.2"}}},
	}}
	before := vm.DeepCopy()
	Cut(vm)
	assert.Equal(t, before, vm)
}

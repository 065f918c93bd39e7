// Package bounds cuts a status to what its schema accepts. The values that guests, KubeVirt and CDI report are
// unbounded, and one value too long would make the API server refuse the whole status.
package bounds

import (
	"fmt"
	"reflect"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/controllers/internal/conditions"
)

// bound is what a schema accepts of a list or a string of a status.
type bound struct {
	// most items of a list, or characters of a string; 0 means unlimited.
	most int
	// unique: no two items of the list are equal, or have equal keys if there are keys.
	unique bool
	keys   []string
}

// Cut removes from a status what its schema does not accept: items beyond the limit of their list, items without a
// key, duplicates, and the end of long strings. Conditions are cut where they are created.
func Cut(obj client.Object) {
	value := reflect.Indirect(reflect.ValueOf(obj))
	table := ofKinds[value.Type().Name()]
	if status := value.FieldByName("Status"); status.IsValid() && table != nil {
		cut(status, "", table)
	}
}

func cut(value reflect.Value, path string, table map[string]bound) {
	switch value.Kind() {
	case reflect.Pointer:
		if !value.IsNil() {
			cut(value.Elem(), path, table)
		}
	case reflect.Struct:
		for i := range value.NumField() {
			if field := value.Type().Field(i); field.IsExported() {
				cut(value.Field(i), path+"."+jsonName(&field), table)
			}
		}
	case reflect.Slice:
		if limit, ok := table[path]; ok && !value.IsNil() {
			value.Set(shortened(value, limit))
		}
		for i := range value.Len() {
			cut(value.Index(i), path+"[]", table)
		}
	case reflect.String:
		if limit, ok := table[path]; ok && limit.most > 0 {
			value.SetString(conditions.Shorten(value.String(), limit.most))
		}
	}
}

func shortened(list reflect.Value, limit bound) reflect.Value {
	kept, seen := reflect.MakeSlice(list.Type(), 0, list.Len()), map[string]bool{}
	for i := range list.Len() {
		item := list.Index(i)
		if limit.unique {
			key := keyOf(item, limit.keys)
			if seen[key] || key == "" {
				continue
			}
			seen[key] = true
		}
		if limit.most == 0 || kept.Len() < limit.most {
			kept = reflect.Append(kept, item)
		}
	}
	return kept
}

// keyOf returns what identifies an item of a list.
func keyOf(item reflect.Value, keys []string) string {
	if len(keys) == 0 {
		return fmt.Sprint(item.Interface())
	}
	var parts []string
	for _, key := range keys {
		for i := range item.NumField() {
			if field := item.Type().Field(i); jsonName(&field) == key {
				parts = append(parts, fmt.Sprint(item.Field(i).Interface()))
			}
		}
	}
	return strings.Join(parts, "\x00")
}

func jsonName(field *reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

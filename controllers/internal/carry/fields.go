package carry

import (
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// treatment is what becomes of a field of the source in the clone.
type treatment string

const (
	// carried fields are those of the source.
	carried treatment = "carried"
	// changed fields are carried in part, or follow from the spec of the WukongClone.
	changed treatment = "changed"
	// dropped fields are about the past of the source, or about permissions that its owner gave.
	dropped treatment = "dropped"
)

// fields are the fields of WukongVMSpec. A field that is not listed is dropped; a test fails until it is listed.
var fields = map[string]treatment{
	"WukongRef":                     changed,
	"PowerState":                    changed,
	"RestartPolicy":                 carried,
	"CPU":                           carried,
	"Memory":                        carried,
	"Resources":                     carried,
	"Firmware":                      changed,
	"Disks":                         changed,
	"Networks":                      changed,
	"Services":                      changed,
	"Policy":                        carried,
	"CloudInit":                     changed,
	"Scheduling":                    carried,
	"GPUs":                          carried,
	"TerminationGracePeriodSeconds": carried,
	"CloneableFrom":                 dropped,
	"Restore":                       dropped,
}

// withoutThePast returns a spec without the fields that no clone has.
func withoutThePast(source *v1alpha1.WukongVMSpec) v1alpha1.WukongVMSpec {
	spec := source.DeepCopy()
	value := reflect.ValueOf(spec).Elem()
	for i := range value.NumField() {
		switch fields[value.Type().Field(i).Name] {
		case carried, changed:
		default:
			value.Field(i).SetZero()
		}
	}
	return *spec
}

// ownedBy are prefixes of the labels and annotations with which other programs find what they manage. A clone that had
// them would be deleted by these programs, because it is in no manifest of theirs.
var ownedBy = []string{
	v1alpha1.GroupName + "/", "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/",
	"meta.helm.sh/", "app.kubernetes.io/instance", v1alpha1.LabelManagedBy, corev1.LastAppliedConfigAnnotation,
}

// metadata returns the labels or annotations of a source that a clone has, too, and those that are added.
func metadata(source, added map[string]string) map[string]string {
	made := map[string]string{}
	for key, value := range source {
		if !isOwned(key) {
			made[key] = value
		}
	}
	for key, value := range added {
		made[key] = value
	}
	if len(made) == 0 {
		return nil
	}
	return made
}

func isOwned(key string) bool {
	for _, prefix := range ownedBy {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

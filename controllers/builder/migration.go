package builder

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// MigrationOption changes the spec of a migration.
type MigrationOption = func(*v1alpha1.WukongMigrationSpec)

// Migration is one of a WukongVM to any other node, asked for at a time.
func Migration(namespace, name, vm string, at time.Time, options ...MigrationOption) *v1alpha1.WukongMigration {
	migration := &v1alpha1.WukongMigration{
		ObjectMeta: meta(namespace, name),
		Spec: v1alpha1.WukongMigrationSpec{
			VMRef: v1alpha1.LocalObjectReference{Name: vm}, RequestedAt: metav1.NewTime(at.UTC().Truncate(time.Second)),
		},
	}
	apply(&migration.Spec, options)
	return migration
}

// ToNode is the node that the guest moves to.
func ToNode(name string) MigrationOption {
	return func(spec *v1alpha1.WukongMigrationSpec) {
		spec.NodeSelector = map[string]string{"kubernetes.io/hostname": name}
	}
}

// TriedAtMost is how often the migration is tried.
func TriedAtMost(attempts int32) MigrationOption {
	return func(spec *v1alpha1.WukongMigrationSpec) { spec.Attempts = &attempts }
}

// BegunWithin is the deadline of the last attempt, in seconds.
func BegunWithin(seconds int64) MigrationOption {
	return func(spec *v1alpha1.WukongMigrationSpec) { spec.DeadlineSeconds = &seconds }
}

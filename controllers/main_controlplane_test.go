//go:build controlplane

package controllers_test

import (
	"testing"

	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Main(m, testenv.Options{
		GarbageCollection: true,
		// As some distributions have it: who sets an owner reference that blocks deletion must be allowed to.
		APIServerFlags: map[string]string{"enable-admission-plugins": "OwnerReferencesPermissionEnforcement"},
	})
}

//go:build controlplane

package controllers_test

import (
	"os"
	"testing"

	"github.com/novasphere/wukong/controllers/internal/testenv"
)

var environment *testenv.Environment

func TestMain(m *testing.M) {
	os.Exit(testenv.Run(m, &environment, testenv.Options{
		GarbageCollection: true,
		// As some distributions have it: who sets an owner reference that blocks deletion must be allowed to.
		APIServerFlags: map[string]string{"enable-admission-plugins": "OwnerReferencesPermissionEnforcement"},
	}))
}

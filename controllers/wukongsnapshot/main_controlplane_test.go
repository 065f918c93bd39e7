//go:build controlplane

package wukongsnapshot_test

import (
	"os"
	"testing"

	"github.com/novasphere/wukong/controllers/internal/testenv"
)

var environment *testenv.Environment

func TestMain(m *testing.M) {
	os.Exit(testenv.Run(m, &environment, testenv.Options{GarbageCollection: true}))
}

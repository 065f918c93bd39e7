//go:build controlplane

package wukongbackup_test

import (
	"testing"

	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m, testenv.Options{GarbageCollection: true}) }

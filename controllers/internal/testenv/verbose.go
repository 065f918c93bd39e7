package testenv

import (
	"os"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// Verbose reports whether a person who hunts a failure wants to see the logs of controllers and control plane, by the variable
// WUKONG_TEST_VERBOSE.
func Verbose() bool { return os.Getenv("WUKONG_TEST_VERBOSE") != "" }

// Logger writes what controllers log if a person wants to see it.
func Logger() logr.Logger {
	if Verbose() {
		return zap.New(zap.UseDevMode(true))
	}
	return logr.Discard()
}

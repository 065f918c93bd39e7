package testenv

import (
	"os"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// Verbose reports whether the logs of controllers and control plane are printed, by the variable WUKONG_TEST_VERBOSE.
func Verbose() bool { return os.Getenv("WUKONG_TEST_VERBOSE") != "" }

// Logger returns a logger that prints what controllers log if Verbose.
func Logger() logr.Logger {
	if Verbose() {
		return zap.New(zap.UseDevMode(true))
	}
	return logr.Discard()
}

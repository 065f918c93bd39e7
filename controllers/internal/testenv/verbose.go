package testenv

import (
	"os"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// verbose tells whether a person who hunts a failure wants to see the logs of controllers and control plane, by the variable
// WUKONG_TEST_VERBOSE.
func verbose() bool { return os.Getenv("WUKONG_TEST_VERBOSE") != "" }

func setLogger() {
	if verbose() {
		ctrl.SetLogger(zap.New(zap.UseDevMode(true)))
		return
	}
	ctrl.SetLogger(logr.Discard())
}

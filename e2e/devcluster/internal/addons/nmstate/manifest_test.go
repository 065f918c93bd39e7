package nmstate

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/e2e/devcluster/internal/addon/manifesttest"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

func TestTheManifestHasWhatTestsRelyOn(t *testing.T) {
	manifesttest.Find(t, manifest, "Namespace", "", testbed.NMStateNamespace, &corev1.Namespace{})
}

package registry

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/novasphere/wukong/e2e/devcluster/internal/addon/manifesttest"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

func TestTheManifestHasWhatTestsRelyOn(t *testing.T) {
	ports := manifesttest.Ports(t, manifest, testbed.ServersNamespace, testbed.RegistryService)
	assert.Equal(t, map[string]int32{"http": testbed.RegistryPort}, ports)
	assert.Equal(t, "registry.wukong-devcluster.svc:5000", testbed.RegistryHost())
	assert.True(t, strings.HasPrefix(testbed.TinyContainerDisk(), testbed.RegistryHost()+"/"))
}

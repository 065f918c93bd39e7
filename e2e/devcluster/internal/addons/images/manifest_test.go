package images

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/novasphere/wukong/e2e/devcluster/internal/addon/manifesttest"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

func TestTheManifestHasWhatTestsRelyOn(t *testing.T) {
	ports := manifesttest.Ports(t, manifest, testbed.ServersNamespace, testbed.ImageService)
	assert.Equal(t, map[string]int32{"http": 80, "https": 443, "registry": testbed.RegistryPort, "s3": testbed.S3Port},
		ports)
	assert.Equal(t, []string{
		fmt.Sprintf("--hosts=%s,%s", testbed.ImageHost,
			testbed.ServiceHost(testbed.ServersNamespace, testbed.ImageService)),
		fmt.Sprintf("--relay-limit=%d", testbed.BrittleLimit),
		fmt.Sprintf("--relay=:%d=%s", testbed.RegistryPort, testbed.RegistryHost()),
		fmt.Sprintf("--relay=:%d=%s", testbed.S3Port, testbed.S3Host()),
	}, manifesttest.Arguments(t, manifest, testbed.ServersNamespace, testbed.ImageService))
}

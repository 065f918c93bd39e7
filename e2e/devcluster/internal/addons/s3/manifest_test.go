package s3

import (
	"testing"

	"github.com/stretchr/testify/assert"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/e2e/devcluster/internal/addon/manifesttest"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

func TestTheManifestHasWhatTestsRelyOn(t *testing.T) {
	ports := manifesttest.Ports(t, manifest, testbed.ServersNamespace, testbed.S3Service)
	assert.Equal(t, map[string]int32{"http": testbed.S3Port}, ports)
	assert.Equal(t, "http://s3.wukong-devcluster.svc:7070/backups/a/b", testbed.S3URL("a/b"))

	credentials := &corev1.Secret{}
	manifesttest.Find(t, manifest, "Secret", testbed.ServersNamespace, testbed.S3Credentials, credentials)
	assert.Equal(t, map[string]string{
		testbed.S3AccessKeyField: testbed.S3AccessKey, testbed.S3SecretKeyField: testbed.S3SecretKey,
	}, credentials.StringData)

	server := &appsv1.Deployment{}
	manifesttest.Find(t, manifest, "Deployment", testbed.ServersNamespace, testbed.S3Service, server)
	container := server.Spec.Template.Spec.Containers[0]
	assert.Contains(t, container.VolumeMounts,
		corev1.VolumeMount{Name: "data", MountPath: "/data/" + testbed.S3Bucket, SubPath: testbed.S3Bucket})
	assert.Subset(t, container.Args, []string{"--region", testbed.S3Region})
}

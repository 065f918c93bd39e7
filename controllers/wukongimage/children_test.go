package wukongimage

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

func TestWhoImports(t *testing.T) {
	assert.True(t, polled(imageWith(fromRegistry("r/debian"), at("@daily"))))
	assert.False(t, polled(imageWith(fromRegistry("r/debian"))), "CDI never polls without a schedule")
	assert.False(t, polled(imageWith(at("@daily"))), "CDI knows registries only")
}

func TestDesiredCron(t *testing.T) {
	image := imageWith(fromRegistry("registry.example/debian:13"), at("0 3 * * *"), func(i *v1alpha1.WukongImage) {
		i.Spec.StorageClassName = ptr.To("fast")
		i.Spec.Source.Registry.SecretRef = &v1alpha1.LocalObjectReference{Name: "credentials"}
		i.Spec.Source.Registry.CertConfigMapRef = &v1alpha1.LocalObjectReference{Name: "ca"}
	})
	cron := desiredCron(image)
	assert.Equal(t, "0 3 * * *", cron.Spec.Schedule)
	assert.Equal(t, "debian", cron.Spec.ManagedDataSource)
	assert.Equal(t, int32(2), *cron.Spec.ImportsToKeep)
	assert.Equal(t, cdiv1.DataImportCronRetainAll, *cron.Spec.RetentionPolicy, "what is retained is decided at the end")
	assert.Equal(t, &cdiv1.DataVolumeSourceRegistry{
		URL: ptr.To("docker://registry.example/debian:13"), SecretRef: ptr.To("credentials"),
		CertConfigMap: ptr.To("ca"),
	}, cron.Spec.Template.Spec.Source.Registry)
	assert.Equal(t, "fast", *cron.Spec.Template.Spec.Storage.StorageClassName)
	assert.Equal(t, resource.MustParse("1Gi"), *cron.Spec.Template.Spec.Storage.Resources.Requests.Storage())

	assert.False(t, differs(cron, desiredCron(image)))
	image.Spec.Schedule = "0 4 * * *"
	assert.True(t, differs(cron, desiredCron(image)))
}

func TestDesiredImport(t *testing.T) {
	one := desiredImport(imageWith(func(i *v1alpha1.WukongImage) {
		i.Spec.Source.HTTP.SecretRef = &v1alpha1.LocalObjectReference{Name: "credentials"}
	}), creation)
	assert.Equal(t, "debian-20260302120000", one.Name)
	assert.Equal(t, creation, tickOf(one), "the tick can be read again")
	assert.Equal(t, "true", one.Annotations[dvstate.AnnotationBindNow], "nobody would ever consume it")
	assert.Equal(t, &cdiv1.DataVolumeSourceHTTP{URL: "http://images.example/debian.qcow2", SecretRef: "credentials"},
		one.Spec.Source.HTTP)
}

func TestDesiredDataSource(t *testing.T) {
	assert.Equal(t, cdiv1.DataSourceSource{}, desiredDataSource(imageWith(), nil, nil).Spec.Source)
	claim := desiredDataSource(imageWith(), &version{name: "debian-1"}, nil)
	require.NotNil(t, claim.Spec.Source.PVC)
	assert.Equal(t, cdiv1.DataVolumeSourcePVC{Namespace: "shop", Name: "debian-1"}, *claim.Spec.Source.PVC)
	snapshot := desiredDataSource(imageWith(), &version{name: "debian-1", snapshot: true}, claim)
	require.NotNil(t, snapshot.Spec.Source.Snapshot)
	assert.Equal(t, cdiv1.DataVolumeSourceSnapshot{Namespace: "shop", Name: "debian-1"}, *snapshot.Spec.Source.Snapshot)
	assert.Nil(t, snapshot.Spec.Source.PVC)
	assert.Equal(t, claim.Spec.Source, desiredDataSource(imageWith(), nil, claim).Spec.Source,
		"it never goes back to nothing")
}

//go:build controlplane

package controllers_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// What the builders make without options, and with each source and target, is accepted by the API server as it stands.
func TestTheAPIServerAcceptsWhatTheBuildersMake(t *testing.T) {
	f := testkit.New(t)
	const url = "https://images.example/debian.qcow2"
	ns := f.Namespace
	strict := client.WithFieldValidation(f.Client, "Strict")
	for name, object := range map[string]client.Object{
		"disk":         builder.Disk(ns, "a"),
		"disk by HTTP": builder.Disk(ns, "a", builder.FromHTTP(url)),
		"disk of a registry": builder.Disk(ns, "a",
			builder.FromRegistry("docker://registry.example/debian:12")),
		"disk of S3": builder.Disk(ns, "a",
			builder.FromS3("https://s3.example/bucket/debian.qcow2", "keys")),
		"disk of GCS":              builder.Disk(ns, "a", builder.FromGCS("gs://bucket/debian.qcow2", "keys")),
		"disk to upload":           builder.Disk(ns, "a", builder.FromUpload),
		"clone of a disk":          builder.Disk(ns, "a", builder.CloneOf(ns, "b")),
		"clone of a claim":         builder.Disk(ns, "a", builder.CloneOfClaim(ns, "b")),
		"disk of a snapshot":       builder.Disk(ns, "a", builder.FromSnapshot(ns, "b")),
		"disk of a VolumeSnapshot": builder.Disk(ns, "a", builder.FromVolumeSnapshot("b")),
		"disk of an image":         builder.Disk(ns, "a", builder.FromImage(ns, "b")),
		"adopted disk":             builder.Disk(ns, "a", builder.Adopting("b")),
		"disk adopted for reading": builder.Disk(ns, "a", builder.AdoptingReadOnly("b")),
		"shared disk":              builder.Disk(ns, "a", builder.Shared),
		"image by HTTP":            builder.Image(ns, "a", builder.ImageHTTP(url)),
		"image of a registry": builder.Image(ns, "a",
			builder.ImageRegistry("docker://registry.example/debian:12"), builder.At("0 3 * * *")),
		"download":                   builder.Export(ns, "a", "b"),
		"export of a machine":        builder.Export(ns, "a", "", builder.OfMachine("b", "root")),
		"export of a VolumeSnapshot": builder.Export(ns, "a", "", builder.OfVolumeSnapshot("b")),
		"export to S3": builder.Export(ns, "a", "b",
			builder.ToS3("https://s3.example/bucket/a", "", "keys")),
		"export to a registry": builder.Export(ns, "a", "b", builder.ToRegistry("registry.example/a:1")),
		"network":              builder.Network(ns, "a"),
		"pod network":          builder.Network(ns, "a", builder.PodNetwork),
		"existing attachment":  builder.Network(ns, "a", builder.ExistingAttachment(ns, "b")),
		"macvlan in passthru":  builder.Network(ns, "a", builder.Passthru("eth1")),
		"bridge":               builder.Network(ns, "a", builder.OnBridge("br-lan")),
		"managed bridge":       builder.Network(ns, "a", builder.OnBridge("br-lan"), builder.Managed(10, "eth1")),
		"network with a pool":  builder.Network(ns, "a", builder.Pool("10.0.0.0/24", "10.0.0.10", "10.0.0.20")),
		"snapshot":             builder.Snapshot(ns, "a", "b"),
		"machine":              builder.VM(ns, "a"),
		"machine with an image": builder.VM(ns, "a", builder.Imported("root", url), builder.On("lan", "10.0.0.5"),
			builder.OnPodNetwork),
		"machine with a drive": builder.VM(ns, "a",
			builder.Disks(builder.EmptyDrive("cd"), builder.DiskReference("data", "data"))),
		"umbrella":            builder.Wukong(ns, "a"),
		"part of an umbrella": builder.PartOf("shop", builder.VM(ns, "a")),
		"Secret":              builder.Secret(ns, "a", map[string]string{"key": "value"}),
		"ConfigMap":           builder.ConfigMap(ns, "a", map[string]string{"key": "value"}),
		"ResourceQuota":       builder.Quota(ns, "a", "requests.storage", "1Gi"),
		"claim":               builder.Claim(ns, "a", "1Gi"),
		"VolumeSnapshot":      builder.VolumeSnapshot(ns, "a", "b"),
	} {
		assert.NoError(t, strict.Create(t.Context(), object, client.DryRunAll), name)
	}
	for _, power := range []v1alpha1.PowerState{v1alpha1.PowerRunning, v1alpha1.PowerStopped} {
		assert.NoError(t, strict.Create(t.Context(), builder.VM(ns, "a", builder.Power(power)), client.DryRunAll),
			power)
	}
}

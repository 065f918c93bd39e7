package virt

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/version"
	kubevirtv1 "kubevirt.io/api/core/v1"
)

// Feature gates of KubeVirt without which a running machine does not get what its spec says, and nothing says so
// (pkg/virt-config/featuregate, where each gate has the versions of its stages). The table in docs/disks.md has all.
const (
	// GateDeclarative plugs the volumes of a running guest in and out as the template says.
	GateDeclarative = "DeclarativeHotplugVolumes"
	// GateImperative turns GateDeclarative off when it is on (pkg/virt-controller/watch/vm/vm.go).
	GateImperative = "HotplugVolumes"
	// GateExpand makes images as large as their claims are.
	GateExpand = "ExpandDisks"
)

var (
	// declarativeByDefault is the version of KubeVirt in which GateDeclarative is on unless it is disabled (Beta).
	declarativeByDefault = version.MustParseGeneric("1.9.0")
	// alwaysExpands is the version from which on there is no GateExpand (GA).
	alwaysExpands = version.MustParseGeneric("1.8.0")
)

// PlugsDisks reports whether a KubeVirt plugs the volumes of a running machine in and out as its template says.
func PlugsDisks(kubevirt *kubevirtv1.KubeVirt) bool {
	developer := developerConfiguration(kubevirt)
	if isAtLeast(kubevirt, declarativeByDefault) {
		return !slices.Contains(developer.DisabledFeatureGates, GateDeclarative)
	}
	return slices.Contains(developer.FeatureGates, GateDeclarative) &&
		!slices.Contains(developer.FeatureGates, GateImperative)
}

// GrowsDisks reports whether a KubeVirt makes images as large as their claims are.
func GrowsDisks(kubevirt *kubevirtv1.KubeVirt) bool {
	return isAtLeast(kubevirt, alwaysExpands) ||
		slices.Contains(developerConfiguration(kubevirt).FeatureGates, GateExpand)
}

func developerConfiguration(kubevirt *kubevirtv1.KubeVirt) kubevirtv1.DeveloperConfiguration {
	if configured := kubevirt.Spec.Configuration.DeveloperConfiguration; configured != nil {
		return *configured
	}
	return kubevirtv1.DeveloperConfiguration{}
}

// isAtLeast compares the version that runs. One that is no version, as of a build of a branch, is newer than all.
func isAtLeast(kubevirt *kubevirtv1.KubeVirt, wanted *version.Version) bool {
	running, err := version.ParseGeneric(kubevirt.Status.ObservedKubeVirtVersion)
	return err != nil || running.AtLeast(wanted)
}

// KeepGates copies the feature gates and the version of a KubeVirt.
func KeepGates(full, kept *kubevirtv1.KubeVirt) {
	if developer := full.Spec.Configuration.DeveloperConfiguration; developer != nil {
		kept.Spec.Configuration.DeveloperConfiguration = &kubevirtv1.DeveloperConfiguration{
			FeatureGates: developer.FeatureGates, DisabledFeatureGates: developer.DisabledFeatureGates,
		}
	}
	kept.Status.ObservedKubeVirtVersion = full.Status.ObservedKubeVirtVersion
}

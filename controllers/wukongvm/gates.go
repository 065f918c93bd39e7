package wukongvm

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/version"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
)

// Feature gates of KubeVirt without which a running machine does not get what its spec says. Both are off unless they are named
// (pkg/virt-config/featuregate/active.go), and without the first nothing says that a disk does not come. The table in docs/disks.md has all.
const (
	gateDeclarative = "DeclarativeHotplugVolumes"
	// gateImperative turns gateDeclarative off when it is on (pkg/virt-controller/watch/vm/vm.go).
	gateImperative = "HotplugVolumes"
)

// byItself is the version of KubeVirt in which gateDeclarative is on unless it is disabled.
var byItself = version.MustParseGeneric("1.9.0")

// observeGates finds out whether KubeVirt plugs disks, when a disk waits to be plugged in or out.
func (r *Reconciler) observeGates(ctx context.Context, _ *v1alpha1.WukongVM, observed *observation) error {
	if !observed.awaitsPlug() {
		return nil
	}
	served, err := r.dependencies.Served(ctx, dependency.KubeVirts)
	if err != nil || !served {
		return err
	}
	list := &kubevirtv1.KubeVirtList{}
	if err := r.client.List(ctx, list); err != nil {
		return fmt.Errorf("list KubeVirt objects: %w", err)
	}
	for i := range list.Items {
		observed.gateOff = observed.gateOff || !plugsDisks(&list.Items[i])
	}
	return nil
}

// plugsDisks tells whether a KubeVirt plugs the volumes of a running machine in and out as its template says. From 1.9 on it does so by itself.
func plugsDisks(kubevirt *kubevirtv1.KubeVirt) bool {
	developer := kubevirt.Spec.Configuration.DeveloperConfiguration
	if developer == nil {
		developer = &kubevirtv1.DeveloperConfiguration{}
	}
	running, err := version.ParseGeneric(kubevirt.Status.ObservedKubeVirtVersion)
	if err != nil || running.AtLeast(byItself) {
		return !slices.Contains(developer.DisabledFeatureGates, gateDeclarative)
	}
	return slices.Contains(developer.FeatureGates, gateDeclarative) && !slices.Contains(developer.FeatureGates, gateImperative)
}

// awaitsPlug tells whether the running guest lacks a volume of the template that can be plugged in, or has one that the template has no more.
func (o *observation) awaitsPlug() bool {
	guest := o.guest()
	if guest == nil || !guest.IsRunning() || o.machine == nil || o.machine.Spec.Template == nil {
		return false
	}
	lacks := func(volumes, others []kubevirtv1.Volume) bool {
		return slices.ContainsFunc(volumes, func(volume kubevirtv1.Volume) bool {
			return isHotpluggable(&volume) && !slices.ContainsFunc(others, func(other kubevirtv1.Volume) bool { return other.Name == volume.Name })
		})
	}
	return lacks(o.machine.Spec.Template.Spec.Volumes, guest.Spec.Volumes) || lacks(guest.Spec.Volumes, o.machine.Spec.Template.Spec.Volumes)
}

const gateOffMessage = "KubeVirt's feature gate " + gateDeclarative + " is off, or " + gateImperative + " is on, which turns it off: a running machine gets and gives no disks; " +
	"correct spec.configuration.developerConfiguration.featureGates of the KubeVirt object, or restart the machine"

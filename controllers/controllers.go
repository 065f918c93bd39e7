// Package controllers lists every controller of Wukong, and what a manager needs to run them. The architecture is on this
// page: one kind, one folder, one line.
package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/scope"
	"github.com/novasphere/wukong/controllers/wukong"
	"github.com/novasphere/wukong/controllers/wukongaddress"
	"github.com/novasphere/wukong/controllers/wukongdisk"
	"github.com/novasphere/wukong/controllers/wukongexport"
	"github.com/novasphere/wukong/controllers/wukongimage"
	"github.com/novasphere/wukong/controllers/wukongnetwork"
	"github.com/novasphere/wukong/controllers/wukongsnapshot"
	"github.com/novasphere/wukong/controllers/wukongvm"
)

type setup func(ctrl.Manager, *dependency.Registry, clock.PassiveClock) error

// Mover is the pods that move the bytes of disks.
type Mover = wukongexport.Mover

// Settings are what controllers need to know that no object of the cluster tells.
type Settings struct {
	// Mover is the pods that move the bytes of disks.
	Mover Mover
	// NetworkPolicyEnforcement tells whether the cluster's network plugin enforces NetworkPolicies, as wukongvm.Enforcements lists.
	NetworkPolicyEnforcement string
	// Namespaces that the release works in, the same as those of ManagerOptions; none for all. See FindGrants.
	Namespaces []string
}

func all(settings Settings, namespaces scope.Namespaces) map[string]setup {
	return map[string]setup{
		"wukong":         wukong.SetupWithManager,
		"wukongaddress":  wukongaddress.SetupWithManager(namespaces),
		"wukongdisk":     wukongdisk.SetupWithManager(namespaces),
		"wukongnetwork":  wukongnetwork.SetupWithManager(namespaces),
		"wukongexport":   wukongexport.SetupWithManager(settings.Mover),
		"wukongimage":    wukongimage.SetupWithManager,
		"wukongsnapshot": wukongsnapshot.SetupWithManager,
		"wukongvm":       wukongvm.SetupWithManager(settings.NetworkPolicyEnforcement),
	}
}

// Names lists the controllers, in order.
func Names() []string {
	var names []string
	for name := range all(Settings{}, nil) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Setup registers the named controllers with a manager, with the indexes and optional watches that they share. The name "*" stands
// for all. An unknown name is an error that lists the known ones.
func Setup(ctx context.Context, manager ctrl.Manager, names []string, clock clock.PassiveClock, settings Settings) error {
	if slices.Contains(names, "*") {
		names = Names()
	}
	namespaces := scope.Namespaces(settings.Namespaces)
	if err := index.Register(ctx, manager.GetFieldIndexer(), names); err != nil {
		return err
	}
	dependencies, err := dependency.NewRegistry(manager)
	if err != nil {
		return err
	}
	for _, name := range names {
		setup, known := all(settings, namespaces)[name]
		if !known {
			return fmt.Errorf("unknown controller %q: known are %s, and * for all", name, strings.Join(Names(), ", "))
		}
		if err := setup(manager, dependencies, clock); err != nil {
			return fmt.Errorf("set up controller %s: %w", name, err)
		}
	}
	return nil
}

// Package controllers lists every kind of Wukong, and what a manager needs to run their controllers. The architecture
// is on this page: one kind, one folder, one line.
package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/wukong"
	"github.com/novasphere/wukong/controllers/wukongaddress"
	"github.com/novasphere/wukong/controllers/wukongbackup"
	"github.com/novasphere/wukong/controllers/wukongclone"
	"github.com/novasphere/wukong/controllers/wukongdisk"
	"github.com/novasphere/wukong/controllers/wukongexport"
	"github.com/novasphere/wukong/controllers/wukongimage"
	"github.com/novasphere/wukong/controllers/wukongmigration"
	"github.com/novasphere/wukong/controllers/wukongnetwork"
	"github.com/novasphere/wukong/controllers/wukongsnapshot"
	"github.com/novasphere/wukong/controllers/wukongsnapshotschedule"
	"github.com/novasphere/wukong/controllers/wukongvm"
)

// children are the kinds whose objects can belong to a Wukong, causes before consequences: see wukong.Kind.
var children = []kind.Kind{
	wukongnetwork.Kind,
	wukongimage.Kind,
	wukongdisk.Kind,
	wukongvm.Kind,
	wukongsnapshot.Kind,
	wukongmigration.Kind,
	wukongclone.Kind,
	wukongexport.Kind,
	wukongsnapshotschedule.Kind,
	wukongbackup.Kind,
}

// Kinds are all kinds that have a controller.
var Kinds = append([]kind.Kind{
	wukong.Kind(children),
	wukongaddress.Kind,
}, children...)

// Mover is the pods that move the bytes of disks.
type Mover = kind.Mover

// Settings are what controllers need to know that no object of the cluster contains.
type Settings = kind.Settings

// Names lists the controllers, in order.
func Names() []string {
	var names []string
	for _, kind := range Kinds {
		names = append(names, kind.Name)
	}
	slices.Sort(names)
	return names
}

// named are the kinds of the named controllers, in the order of the names. The name "*" stands for all. An unknown name
// is an error that lists the known ones.
func named(names []string) ([]kind.Kind, error) {
	if slices.Contains(names, "*") {
		names = Names()
	}
	var found []kind.Kind
	for _, name := range names {
		at := slices.IndexFunc(Kinds, func(one kind.Kind) bool { return one.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("unknown controller %q: known are %s, and * for all", name,
				strings.Join(Names(), ", "))
		}
		found = append(found, Kinds[at])
	}
	return found, nil
}

// Setup registers the named controllers with a manager, with the indexes and optional watches that they share. Names
// are as in ManagerOptions, and the namespaces in the settings those of FindGrants.
func Setup(
	ctx context.Context, manager ctrl.Manager, names []string, clock clock.PassiveClock, settings Settings,
) error {
	if err := RegisterIndexes(ctx, manager.GetFieldIndexer(), names); err != nil {
		return err
	}
	kinds, err := named(names)
	if err != nil {
		return err
	}
	dependencies, err := dependency.NewRegistry(manager)
	if err != nil {
		return err
	}
	env := kind.Env{Manager: manager, Dependencies: dependencies, Clock: clock, Settings: settings}
	for _, one := range kinds {
		if err := one.Setup(env); err != nil {
			return fmt.Errorf("set up controller %s: %w", one.Name, err)
		}
	}
	return nil
}

// RegisterIndexes adds the indexes that the named controllers look up by.
func RegisterIndexes(ctx context.Context, indexer client.FieldIndexer, names []string) error {
	kinds, err := named(names)
	if err != nil {
		return err
	}
	return kind.RegisterIndexes(ctx, indexer, kinds)
}

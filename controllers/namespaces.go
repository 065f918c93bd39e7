package controllers

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/controllers/internal/scope"
)

// grantsInterval is how often a manager asks whether it has got rights in a namespace in which it had none when it
// started.
const grantsInterval = time.Minute

// Grants are the rights that a release for some namespaces has.
type Grants struct {
	// Namespaces that it has rights in; none when the release is for all.
	Namespaces []string

	withheld scope.Namespaces
	api      client.Client
}

// FindGrants asks in which of the namespaces there are rights. It fails when there are none in any, or when a name is
// not one of a namespace.
func FindGrants(ctx context.Context, config *rest.Config, namespaces []string) (*Grants, error) {
	wanted, err := scope.Parse(namespaces)
	if err != nil || !wanted.Limited() {
		return &Grants{}, err
	}
	api, err := client.New(config, client.Options{Scheme: Scheme()})
	if err != nil {
		return nil, fmt.Errorf("connect to the API server: %w", err)
	}
	granted, withheld, err := wanted.Granted(ctx, api)
	if err != nil {
		return nil, err
	}
	return &Grants{Namespaces: granted, withheld: withheld, api: api}, nil
}

// Watch logs in which namespaces there are no rights, and ends the manager when there are some, so that it starts again
// with them.
func (g *Grants) Watch(manager ctrl.Manager) error {
	if !g.withheld.Limited() {
		return nil
	}
	manager.GetLogger().Info("There are no rights in some namespaces of this release, and nothing is done there. The "+
		"release ends and starts again when there are; install or upgrade its chart, which makes its Roles, or take "+
		"them out of the value namespaces", "namespaces", g.withheld.String())
	return manager.Add(g.withheld.Await(g.api, grantsInterval))
}

package scope

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// ErrStartAgain ends a manager that has been granted rights in one more namespace. Running caches cannot add a
// namespace.
var ErrStartAgain = errors.New("start again, to work there too")

// Granted splits the namespaces of a release into those that it has rights in and the others. When a namespace is
// deleted, so are its Roles, and a cache that may not list there would stop the manager's work in all others. An error
// is returned when there are no rights in any namespace.
func (n Namespaces) Granted(ctx context.Context, api client.Client) (granted, withheld Namespaces, err error) {
	for _, namespace := range n {
		may, err := mayRead(ctx, api, namespace)
		if err != nil {
			return nil, nil, err
		}
		if may {
			granted = append(granted, namespace)
		} else {
			withheld = append(withheld, namespace)
		}
	}
	if n.Limited() && !granted.Limited() {
		return nil, nil,
			fmt.Errorf("no right to read in any of the namespaces %s: create them, and their Roles with the "+
				"chart's value namespaces", n)
	}
	return granted, withheld, nil
}

// mayRead checks kinds of which every controller reads at least one: all but images read WukongVMs, all but addresses
// read Wukongs.
func mayRead(ctx context.Context, api client.Client, namespace string) (bool, error) {
	for _, resource := range []string{"wukongvms", "wukongs"} {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace, Verb: "list", Group: v1alpha1.GroupName, Resource: resource,
			},
		}}
		if err := api.Create(ctx, review); err != nil {
			return false, fmt.Errorf("ask for the own rights in namespace %s: %w", namespace, err)
		}
		if review.Status.Allowed {
			return true, nil
		}
	}
	return false, nil
}

// Await ends the manager with ErrStartAgain when it is granted rights in one of the namespaces. It checks once per
// interval.
func (n Namespaces) Await(api client.Client, interval time.Duration) manager.Runnable {
	return everywhere(func(ctx context.Context) error {
		var found Namespaces
		err := wait.PollUntilContextCancel(ctx, interval, false, func(ctx context.Context) (bool, error) {
			for _, namespace := range n {
				// An API server that does not answer is asked again.
				if may, err := mayRead(ctx, api, namespace); err == nil && may {
					found = append(found, namespace)
				}
			}
			return found.Limited(), nil
		})
		if err != nil {
			return nil // the manager ends
		}
		return fmt.Errorf("there are rights in %s now: %w", strings.Join(found, ", "), ErrStartAgain)
	})
}

// everywhere runs in each replica, not only in the leader.
type everywhere func(context.Context) error

func (e everywhere) Start(ctx context.Context) error { return e(ctx) }

func (everywhere) NeedLeaderElection() bool { return false }

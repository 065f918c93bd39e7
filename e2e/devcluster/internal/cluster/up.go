package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/debian"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/internal/host"
	"github.com/novasphere/wukong/e2e/devcluster/internal/imagestore"
	"github.com/novasphere/wukong/e2e/devcluster/internal/network"
	"github.com/novasphere/wukong/e2e/devcluster/internal/pooldisk"
	"github.com/novasphere/wukong/e2e/devcluster/internal/sandbox"
	"github.com/novasphere/wukong/e2e/devcluster/progress"
)

// Options says what cluster Up makes.
type Options struct {
	// Nodes is how many nodes there are: 1 or 2.
	Nodes int
	// Addons are installed in this order.
	Addons []addon.Addon
	// Images are archives that every node gets beside those of the add-ons.
	Images []*artifact.Recipe
	// Meanwhile, when given, is done when all add-ons are installed, while they become ready.
	Meanwhile func(context.Context) error
}

// Up starts what does not run yet, and leaves alone what does.
func (c *Cluster) Up(ctx context.Context, options Options) error {
	if err := host.Check(); err != nil {
		return err
	}
	release, err := c.lock()
	if err != nil {
		return err
	}
	defer release()
	best, err := pooldisk.Best()
	if err != nil {
		return err
	}
	if err := c.installPackages(ctx, append(host.Packages(), best.Packages()...)); err != nil {
		return err
	}
	// Everything is built before anything is started, so that a failing build leaves no half cluster behind.
	if err := c.buildPrograms(ctx, allRecipes(options)...); err != nil {
		return err
	}
	if err := c.findOrPlan(ctx, best); err != nil {
		return err
	}
	c.report.Printf("  %s", c.state.Pool.Describe())
	archives, err := c.archives(ctx, options)
	if err != nil {
		return err
	}
	if err := c.startMissing(ctx, options, archives); err != nil {
		return err
	}
	if err := c.waitControlPlane(ctx); err != nil {
		return err
	}
	if err := c.importImages(ctx, archives); err != nil {
		return err
	}
	// Add-ons are installed while the nodes become ready for their pods.
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.waitNodes(ctx) })
	group.Go(func() error { return c.ensureAddons(ctx, options) })
	return group.Wait()
}

func (c *Cluster) installPackages(ctx context.Context, packages []debian.Package) error {
	missing, err := debian.Missing(ctx, packages...)
	if err != nil || len(missing) == 0 {
		return err
	}
	for _, one := range missing {
		c.report.Printf("  install the Debian package %s: %s", one.Name, one.Reason)
	}
	return c.report.Run("install Debian packages", func(step *progress.Step) error {
		return debian.Ensure(ctx, step, missing...)
	})
}

func allRecipes(options Options) []*artifact.Recipe {
	all := append([]*artifact.Recipe{}, options.Images...)
	for _, one := range options.Addons {
		all = append(all, one.Images()...)
		if more, ok := one.(addon.WithAssets); ok {
			all = append(all, more.Assets()...)
		}
	}
	return all
}

// findOrPlan loads the running cluster, or plans a new one after it has removed what is left of one that ended.
// The volumes of a new one are on the kind of file system.
func (c *Cluster) findOrPlan(ctx context.Context, pool pooldisk.Kind) error {
	loaded, err := loadState(c.place)
	if err != nil {
		return err
	}
	if loaded != nil && loaded.controlPlaneAlive() {
		if !slices.Equal(loaded.Programs, c.programs.list()) {
			return errors.New(
				"the running cluster was started from other versions of its programs: run `devcluster down` first",
			)
		}
		c.state = loaded
		return nil
	}
	if err := c.remove(ctx, loaded); err != nil {
		return fmt.Errorf("remove what is left of an earlier cluster: %w", err)
	}
	used, err := network.InUse(c.place.link())
	if err != nil {
		return err
	}
	plan, err := network.NewPlan(c.place.link(), used)
	if err != nil {
		return err
	}
	c.state = &state{Plan: plan, Programs: c.programs.list(), Pool: pool}
	if err := errors.Join(c.state.save(c.place), c.linkPrograms(), os.MkdirAll(c.place.shared(), 0o777)); err != nil {
		return err
	}
	if c.state.Controllers, err = sandbox.PrepareCgroups(); err != nil {
		return err
	}
	return errors.Join(c.state.save(c.place), c.makePool(ctx), writeCredentials(c.place, plan))
}

// makePool makes the file system of volumes.
func (c *Cluster) makePool(ctx context.Context) error {
	if c.state.Pool == pooldisk.Folder {
		return os.MkdirAll(filepath.Join(c.place.shared(), filepath.Base(addon.PoolMount)), 0o755)
	}
	if err := c.state.Pool.Format(ctx, c.place.pool()); err != nil {
		return fmt.Errorf("make the file system of volumes: %w", err)
	}
	return nil
}

// startMissing starts the sandboxes that do not run. Nodes do not wait for the API server here: their programs do.
func (c *Cluster) startMissing(ctx context.Context, options Options, archives []string) error {
	images, err := c.imagesOfNewNodes(ctx, options)
	if err != nil {
		return err
	}
	if !c.state.controlPlaneAlive() {
		if err := c.report.Run(
			"start the control plane", func(*progress.Step) error { return c.startControlPlane(ctx) },
		); err != nil {
			return err
		}
	}
	for number := 1; number <= options.Nodes; number++ {
		if existing := c.state.node(number); existing != nil && existing.Alive() {
			continue
		}
		err := c.report.Run("start "+nodeName(number), func(*progress.Step) error {
			if c.isNew(number) {
				if err := imagestore.Place(ctx, images, c.place.containerd(nodeName(number))); err != nil {
					return fmt.Errorf("node %s: %w", nodeName(number), err)
				}
				c.state.setNode(nodeState{Number: number, Images: archives})
			}
			return c.startNode(ctx, number)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) waitControlPlane(ctx context.Context) error {
	return c.report.Run("control plane at "+serverURL(c.state.Plan), func(*progress.Step) error {
		view, err := c.View()
		if err != nil {
			return err
		}
		return addon.WaitFor(ctx, apiServerPatience,
			"wait for the API server (log: "+c.place.log(controlPlaneName, "kube-apiserver")+")",
			func(ctx context.Context) (string, error) {
				// The namespace appears when the API server has done its own first work.
				err := view.Client.Get(ctx, client.ObjectKey{Name: "kube-system"}, &corev1.Namespace{})
				if err != nil {
					return err.Error(), nil
				}
				return "", nil
			})
	})
}

// waitNodes waits until all nodes are ready.
func (c *Cluster) waitNodes(ctx context.Context) error {
	view, err := c.View()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, node := range view.Nodes {
		group.Go(func() error {
			return c.report.Run(node.Name+" ready", func(*progress.Step) error {
				return waitNode(ctx, view, node, node.Since, c.place.log(node.Name, "kubelet"))
			})
		})
	}
	return group.Wait()
}

// waitNode waits until the node has registered and is ready, and gives it its labels and pod subnet.
func waitNode(ctx context.Context, view *addon.Cluster, node addon.Node, since time.Time, log string) error {
	return addon.WaitFor(ctx, nodePatience, "wait for "+node.Name+" (log: "+log+")",
		func(ctx context.Context) (string, error) {
			var found corev1.Node
			if err := view.Client.Get(ctx, client.ObjectKey{Name: node.Name}, &found); err != nil {
				if apierrors.IsNotFound(err) {
					return "kubelet has not registered it", nil
				}
				return err.Error(), nil
			}
			if err := labelNode(ctx, view, &found, node); err != nil {
				return "", err
			}
			if lacks := nodeLacks(&found, since); lacks != "" {
				return lacks, nil
			}
			return servicesLack(ctx, net.JoinHostPort(node.Address, proxyHealthPort)), nil
		})
}

// proxyHealthPort is where kube-proxy tells of itself (k8s.io/kubernetes, pkg/cluster/ports, ProxyHealthzPort).
const proxyHealthPort = "10256"

// servicesLack says why pods of a node may not reach Services; empty when they do. kube-proxy calls itself healthy from
// its start, and names an IP family from when it has written the rules of all Services for it (k8s.io/kubernetes,
// pkg/proxy/healthcheck, ProxyHealth).
func servicesLack(ctx context.Context, proxy string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+proxy+"/livez", nil)
	if err != nil {
		return err.Error()
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "kube-proxy does not answer: " + err.Error()
	}
	defer answer.Body.Close()
	var health struct {
		Status map[corev1.IPFamily]json.RawMessage `json:"status"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&health); err != nil {
		return "kube-proxy's answer is not understood: " + err.Error()
	}
	if len(health.Status) == 0 {
		return "kube-proxy has not written the rules of Services yet"
	}
	return ""
}

// nodeLacks says why a node is not ready; empty means that it is. What was reported before the node was started says
// nothing.
func nodeLacks(node *corev1.Node, since time.Time) string {
	lacks := "kubelet has not reported yet"
	for _, condition := range node.Status.Conditions {
		if condition.Type != corev1.NodeReady {
			continue
		}
		switch {
		case condition.LastHeartbeatTime.Time.Before(since):
			lacks = "kubelet has not reported since the node was started"
		case condition.Status != corev1.ConditionTrue:
			lacks = condition.Reason + ": " + condition.Message
		default:
			lacks = ""
		}
	}
	for _, taint := range node.Spec.Taints {
		if strings.HasPrefix(taint.Key, "node.kubernetes.io/") && lacks == "" {
			lacks = "it has the taint " + taint.Key
		}
	}
	return lacks
}

// labelNode sets what a kubelet may not set on its own node.
func labelNode(ctx context.Context, view *addon.Cluster, found *corev1.Node, node addon.Node) error {
	if _, done := found.Labels["node-role.kubernetes.io/control-plane"]; done && found.Spec.PodCIDR != "" {
		return nil
	}
	before := found.DeepCopy()
	if found.Labels == nil {
		found.Labels = map[string]string{}
	}
	found.Labels["node-role.kubernetes.io/control-plane"] = ""
	found.Labels["node-role.kubernetes.io/worker"] = ""
	found.Spec.PodCIDR, found.Spec.PodCIDRs = node.PodSubnet, []string{node.PodSubnet}
	if err := view.Client.Patch(ctx, found, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("label node %s: %w", node.Name, err)
	}
	return nil
}

// ensureAddons installs all add-ons and then waits for all of them, so that they start side by side.
func (c *Cluster) ensureAddons(ctx context.Context, options Options) error {
	view, err := c.View()
	if err != nil {
		return err
	}
	if view.ImageDigests, err = view.Nodes[0].ImageDigests(ctx); err != nil {
		return err
	}
	for _, one := range options.Addons {
		if err := c.prepareNodes(ctx, view, one); err != nil {
			return fmt.Errorf("add-on %s: %w", one.Name(), err)
		}
		if err := c.report.Run(
			"install "+one.Name(), func(*progress.Step) error { return one.Install(ctx, view) },
		); err != nil {
			return fmt.Errorf("add-on %s: %w", one.Name(), err)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	if options.Meanwhile != nil {
		group.Go(func() error { return options.Meanwhile(ctx) })
	}
	group.Go(func() error { return c.waitAddons(ctx, view, options.Addons) })
	return group.Wait()
}

func (c *Cluster) waitAddons(ctx context.Context, view *addon.Cluster, addons []addon.Addon) error {
	for _, one := range addons {
		if err := c.report.Run(
			one.Name()+" ready", func(*progress.Step) error { return one.Ready(ctx, view) },
		); err != nil {
			return fmt.Errorf("add-on %s: %w", one.Name(), err)
		}
	}
	return nil
}

// prepareNodes lets the add-on prepare each node once.
func (c *Cluster) prepareNodes(ctx context.Context, view *addon.Cluster, one addon.Addon) error {
	preparing, ok := one.(addon.WithNodePreparation)
	if !ok {
		return nil
	}
	for index := range c.state.Nodes {
		node := &c.state.Nodes[index]
		if !node.Alive() || slices.Contains(node.Prepared, one.Name()) {
			continue
		}
		if err := preparing.PrepareNode(ctx, view, c.nodeView(*node)); err != nil {
			return fmt.Errorf("prepare node %s: %w", nodeName(node.Number), err)
		}
		node.Prepared = append(node.Prepared, one.Name())
		if err := c.state.save(c.place); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/addresspool"
	"github.com/novasphere/wukong/controllers/internal/segment"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

const (
	// addressProbes is how many addresses are taken and measured in the full network.
	addressProbes = 500
	// maxAddressTime is the bound of P99, and maxAddressBytes that of the size of an object.
	maxAddressTime  = 500 * time.Millisecond
	maxAddressBytes = 1500
)

// runAddresses fills a network with addresses, and measures the time to take one more, and to be refused when none is
// left.
func runAddresses(ctx context.Context, chosen settings) (broken int, err error) {
	environment, err := testenv.Start(testenv.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, environment.Stop()) }()
	cached, stop, err := startCache(ctx, environment.Config)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	full, err := newFullNetwork(&addresslock.ClientStore{Client: cached, Reader: environment.Client,
		FieldManager: "bench"}, chosen.addresses)
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(os.Stderr, "taking %d addresses\n", chosen.addresses)
	if err := full.fill(ctx, chosen.addresses); err != nil {
		return 0, err
	}
	found, err := full.measure(ctx)
	if err != nil {
		return 0, err
	}
	return found.report(chosen.addresses), nil
}

// addressResults are the measurements of addresses.
type addressResults struct {
	times   []time.Duration
	refused time.Duration
	bytes   int
}

func (f *fullNetwork) measure(ctx context.Context) (addressResults, error) {
	var found addressResults
	var last []v1alpha1.WukongAddress
	for number := range addressProbes {
		begin := time.Now()
		held, err := addresslock.Take(ctx, f.store, f.request("late", number))
		if err != nil {
			return found, err
		}
		found.times, last = append(found.times, time.Since(begin)), held
	}
	slices.Sort(found.times)
	begin := time.Now()
	exhausted := (*addresslock.ExhaustedError)(nil)
	if _, err := addresslock.Take(ctx, f.store, f.request("none-left", 0)); !errors.As(err, &exhausted) {
		return found, fmt.Errorf("a full network gave an address, or failed: %w", err)
	}
	found.refused = time.Since(begin)
	live, err := f.store.Live(ctx, last[0].Name)
	if err != nil {
		return found, err
	}
	text, err := json.Marshal(live)
	found.bytes = len(text)
	return found, err
}

// report prints the rows, and returns how many bounds are broken.
func (r addressResults) report(addresses int) (broken int) {
	p99 := r.times[len(r.times)*99/100]
	const row = "| %s | %s | %s |\n"
	tenth := func(took time.Duration) string { return took.Round(100 * time.Microsecond).String() }
	fmt.Printf(row, fmt.Sprintf("An address more, with %d taken, P50", addresses), tenth(r.times[len(r.times)/2]), "")
	fmt.Printf(row, "The same, P99", tenth(p99), maxAddressTime)
	fmt.Printf(row, "The refusal when none is left", tenth(r.refused), "")
	fmt.Printf(row, "Bytes of a WukongAddress", strconv.Itoa(r.bytes), strconv.Itoa(maxAddressBytes))
	if p99 > maxAddressTime {
		broken++
	}
	if r.bytes > maxAddressBytes {
		broken++
	}
	return broken
}

// startCache returns a client that reads as a manager's does, until stop is called.
func startCache(ctx context.Context, config *rest.Config) (cached client.Client, stop func() error, err error) {
	names := []string{"wukongvm"}
	options, err := controllers.ManagerOptions(names, 1, nil)
	if err != nil {
		return nil, nil, err
	}
	options.Metrics.BindAddress = "0"
	manager, err := ctrl.NewManager(config, options)
	if err != nil {
		return nil, nil, err
	}
	if err := controllers.RegisterIndexes(ctx, manager.GetFieldIndexer(), names); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	stop = func() error {
		cancel()
		return <-ended
	}
	if !manager.GetCache().WaitForCacheSync(ctx) {
		return nil, nil, errors.Join(errors.New("the cache does not start"), stop())
	}
	return manager.GetClient(), stop, nil
}

// fullNetwork is a network whose pool has room for the addresses that fill it, and for the probes.
type fullNetwork struct {
	store   *addresslock.ClientStore
	network *v1alpha1.WukongNetwork
	pools   []addresspool.Pool
}

func newFullNetwork(store *addresslock.ClientStore, addresses int) (*fullNetwork, error) {
	first := netip.MustParseAddr("10.0.0.1")
	last := first
	for range addresses + addressProbes - 1 {
		last = last.Next()
	}
	network := &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: networkName},
		Spec: v1alpha1.WukongNetworkSpec{
			Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br-lan"},
			Subnets: []v1alpha1.Subnet{{CIDR: "10.0.0.0/8", Pool: &v1alpha1.AddressPool{
				Ranges: []v1alpha1.AddressRange{
					{Start: v1alpha1.IPAddress(first.String()), End: v1alpha1.IPAddress(last.String())}}}}},
		},
	}
	pools, err := addresspool.Parse(&network.Spec)
	return &fullNetwork{store: store, network: network, pools: pools}, err
}

func (f *fullNetwork) request(name string, number int) *addresslock.Request {
	segmentName, _ := segment.Of(f.network)
	return &addresslock.Request{
		Segment: segmentName, Network: f.network, Neighbours: []v1alpha1.WukongNetwork{*f.network}, Pools: f.pools,
		Holder: v1alpha1.AddressHolder{
			Namespace: namespace, Name: fmt.Sprintf("%s-%d", name, number), UID: fmt.Sprintf("%s-%d", name, number),
			InterfaceName: networkName},
	}
}

// fill takes addresses, several at once.
func (f *fullNetwork) fill(ctx context.Context, addresses int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for number := range addresses {
		group.Go(func() error {
			_, err := addresslock.Take(ctx, f.store, f.request("wukong", number))
			return err
		})
	}
	return group.Wait()
}

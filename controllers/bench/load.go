package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers"
)

// loadPatience is how long all guests may take to be ready after the last one was created.
const loadPatience = 5 * time.Minute

// networkName is the WukongNetwork that all guests share.
const networkName = "lan"

// durations are the measurements of the guests.
type durations struct {
	// untilVirtualMachine is the time from the request for a WukongVM until the VirtualMachine exists.
	untilVirtualMachine []time.Duration
	// untilReady is the time from the request for a WukongVM to Ready, and bareUntilRunning from that for a bare
	// VirtualMachine to Running.
	untilReady, bareUntilRunning []time.Duration
}

// watcher records when something was first seen of each object.
type watcher struct {
	mutex sync.Mutex
	begun map[string]time.Time
	seen  map[string]time.Time
}

func newWatcher() *watcher {
	return &watcher{begun: map[string]time.Time{}, seen: map[string]time.Time{}}
}

func (w *watcher) note(table map[string]time.Time, name string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if _, known := table[name]; !known {
		table[name] = time.Now()
	}
}

func (w *watcher) durations() []time.Duration {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	var result []time.Duration
	for name, end := range w.seen {
		if begin, known := w.begun[name]; known {
			result = append(result, end.Sub(begin))
		}
	}
	return result
}

// block is how many objects of one kind are created before the other kind has its turn.
const block = 50

// load creates the WukongVMs and bare VirtualMachines numbered from first to last at the rate, and waits until all are
// ready. The two take turns, a block of each, so that neither slows the other and both meet the same noise.
func (s *stage) load(ctx context.Context, rate, first, last int) (durations, error) {
	watching, err := client.NewWithWatch(s.environment.Config, client.Options{Scheme: controllers.Scheme()})
	if err != nil {
		return durations{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Duration((last-first)/rate)*time.Second+loadPatience)
	defer cancel()
	virtualMachines, ready, bare := newWatcher(), newWatcher(), newWatcher()
	if err := follow(ctx, watching, &kubevirtv1.VirtualMachineList{}, func(object client.Object) {
		virtualMachine := object.(*kubevirtv1.VirtualMachine)
		virtualMachines.note(virtualMachines.seen, virtualMachine.Name)
		if virtualMachine.Status.PrintableStatus == kubevirtv1.VirtualMachineStatusRunning {
			bare.note(bare.seen, virtualMachine.Name)
		}
	}); err != nil {
		return durations{}, err
	}
	if err := follow(ctx, watching, &v1alpha1.WukongVMList{}, func(object client.Object) {
		if meta.IsStatusConditionTrue(object.(*v1alpha1.WukongVM).Status.Conditions, v1alpha1.ConditionReady) {
			ready.note(ready.seen, object.GetName())
		}
	}); err != nil {
		return durations{}, err
	}
	for begin := first; begin < last; begin += block {
		end := min(begin+block, last)
		err := paced(ctx, rate, begin, end, func(number int) error {
			vm := wukongVM(number)
			virtualMachines.note(virtualMachines.begun, vm.Name)
			ready.note(ready.begun, vm.Name)
			return create(ctx, watching, vm)
		}, func() bool { return len(ready.durations()) == end-first })
		if err != nil {
			return durations{}, err
		}
		err = paced(ctx, rate, begin, end, func(number int) error {
			virtualMachine := bareVirtualMachine(number)
			bare.note(bare.begun, virtualMachine.Name)
			return create(ctx, watching, bareDataVolume(number), virtualMachine)
		}, func() bool { return len(bare.durations()) == end-first })
		if err != nil {
			return durations{}, err
		}
	}
	return durations{untilVirtualMachine: virtualMachines.durations(), untilReady: ready.durations(),
		bareUntilRunning: bare.durations()}, nil
}

// paced creates the objects from first to last at the rate, and waits until they are done.
func paced(ctx context.Context, rate, first, last int, makeOne func(number int) error, done func() bool) error {
	pace := time.NewTicker(time.Second / time.Duration(rate))
	defer pace.Stop()
	for number := first; number < last; number++ {
		<-pace.C
		if err := makeOne(number); err != nil {
			return err
		}
	}
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("machines %d to %d do not become ready: %w", first, last, ctx.Err())
		case <-pace.C:
		}
	}
	return nil
}

func create(ctx context.Context, writer client.Writer, objects ...client.Object) error {
	for _, object := range objects {
		if err := writer.Create(ctx, object); err != nil {
			return fmt.Errorf("make %T %s: %w", object, object.GetName(), err)
		}
	}
	return nil
}

// follow calls see for each object that is added or changed, until the context ends.
func follow(ctx context.Context, watching client.WithWatch, list client.ObjectList, see func(client.Object)) error {
	stream, err := watching.Watch(ctx, list, client.InNamespace(namespace))
	if err != nil {
		return fmt.Errorf("watch %T: %w", list, err)
	}
	go func() {
		defer stream.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case event, open := <-stream.ResultChan():
				if !open {
					return
				}
				if object, ok := event.Object.(client.Object); ok &&
					(event.Type == watch.Added || event.Type == watch.Modified) {
					see(object)
				}
			}
		}
	}()
	return nil
}

func metadata(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func network() *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{
		ObjectMeta: metadata(networkName),
		Spec: v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge,
			Bridge: &v1alpha1.BridgeNetwork{Name: "br-lan"}},
	}
}

func wukongVM(number int) *v1alpha1.WukongVM {
	size := resource.MustParse("1Gi")
	return &v1alpha1.WukongVM{
		ObjectMeta: metadata(fmt.Sprintf("wukong-%d", number)),
		Spec: v1alpha1.WukongVMSpec{
			Memory: v1alpha1.Memory{Guest: resource.MustParse("1Gi")},
			Networks: []v1alpha1.VMNetwork{
				{Name: networkName, NetworkRef: &v1alpha1.LocalObjectReference{Name: networkName}},
			},
			Disks: []v1alpha1.VMDisk{{Name: "root", Template: &v1alpha1.DiskTemplate{Spec: v1alpha1.WukongDiskSpec{
				Size: &size,
				Source: &v1alpha1.WukongDiskSource{
					HTTP: &v1alpha1.HTTPSource{URL: "http://images.example/debian.qcow2"},
				},
			}}}},
		},
	}
}

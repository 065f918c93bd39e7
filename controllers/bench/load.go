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

// loadPatience is how long all machines may take to be ready after the last was made.
const loadPatience = 5 * time.Minute

// networkName is the WukongNetwork that all machines share.
const networkName = "lan"

// durations are what was seen of the machines.
type durations struct {
	// untilMachine: from the request for a WukongVM to the VirtualMachine being there.
	untilMachine []time.Duration
	// untilReady: from the request for a WukongVM to Ready, and for a bare VirtualMachine to Running.
	untilReady, bareUntilRunning []time.Duration
}

// watcher notes when something was first seen of each object.
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

// load makes the machines at the rate and waits until all are ready.
func (s *stage) load(ctx context.Context, chosen settings) (durations, error) {
	watching, err := client.NewWithWatch(s.environment.Config, client.Options{Scheme: controllers.Scheme()})
	if err != nil {
		return durations{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(chosen.machines/chosen.rate)*time.Second+loadPatience)
	defer cancel()
	machines, ready, bare := newWatcher(), newWatcher(), newWatcher()
	if err := follow(ctx, watching, &kubevirtv1.VirtualMachineList{}, func(object client.Object) {
		machine := object.(*kubevirtv1.VirtualMachine)
		machines.note(machines.seen, machine.Name)
		if machine.Status.PrintableStatus == kubevirtv1.VirtualMachineStatusRunning {
			bare.note(bare.seen, machine.Name)
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
	if err := watching.Create(ctx, network()); err != nil {
		return durations{}, fmt.Errorf("make the network: %w", err)
	}
	pace := time.NewTicker(time.Second / time.Duration(chosen.rate))
	defer pace.Stop()
	for number := range chosen.machines {
		<-pace.C
		vm, dataVolume, machine := wukongVM(number), bareDataVolume(number), bareMachine(number)
		machines.note(machines.begun, vm.Name)
		ready.note(ready.begun, vm.Name)
		if err := watching.Create(ctx, vm); err != nil {
			return durations{}, fmt.Errorf("make WukongVM %s: %w", vm.Name, err)
		}
		bare.note(bare.begun, machine.Name)
		for _, object := range []client.Object{dataVolume, machine} {
			if err := watching.Create(ctx, object); err != nil {
				return durations{}, fmt.Errorf("make %T %s: %w", object, object.GetName(), err)
			}
		}
	}
	for len(ready.durations()) < chosen.machines || len(bare.durations()) < chosen.machines {
		select {
		case <-ctx.Done():
			return durations{}, fmt.Errorf("%d of %d WukongVMs became ready, and %d bare machines: %w",
				len(ready.durations()), chosen.machines, len(bare.durations()), ctx.Err())
		case <-pace.C:
		}
	}
	return durations{untilMachine: machines.durations(), untilReady: ready.durations(), bareUntilRunning: bare.durations()}, nil
}

// follow calls back for each object that is added or changed, until the context ends.
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
				if object, ok := event.Object.(client.Object); ok && (event.Type == watch.Added || event.Type == watch.Modified) {
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
		Spec:       v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br-lan"}},
	}
}

func wukongVM(number int) *v1alpha1.WukongVM {
	size := resource.MustParse("1Gi")
	return &v1alpha1.WukongVM{
		ObjectMeta: metadata(fmt.Sprintf("wukong-%d", number)),
		Spec: v1alpha1.WukongVMSpec{
			Memory:   v1alpha1.Memory{Guest: resource.MustParse("1Gi")},
			Networks: []v1alpha1.VMNetwork{{Name: networkName, NetworkRef: &v1alpha1.LocalObjectReference{Name: networkName}}},
			Disks: []v1alpha1.VMDisk{{Name: "root", Template: &v1alpha1.DiskTemplate{Spec: v1alpha1.WukongDiskSpec{
				Size:   &size,
				Source: &v1alpha1.WukongDiskSource{HTTP: &v1alpha1.HTTPSource{URL: "http://images.example/debian.qcow2"}},
			}}}},
		},
	}
}

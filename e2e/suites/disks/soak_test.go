//go:build e2e && soak

package disks

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// defaultSeeds is how many rounds there are. WUKONG_SEEDS says otherwise; WUKONG_SEED is the first seed, to repeat a
// round.
const defaultSeeds = 20

// soak is one round: a pattern on a disk, and the two machines between which it goes. They are the same in all rounds.
type soak struct {
	namespace string
	seed      uint64
	one, two  *v1alpha1.WukongVM
	checksum  string
	// acts is called where a step asks for what it tests: from then on the manager may die.
	acts func()
}

// disk is a disk of this round; its name is that of the round.
func (s *soak) disk(name, size string, options ...builder.DiskOption) *v1alpha1.WukongDisk {
	return builder.Disk(s.namespace, s.name(name), append(options, builder.Size(size))...)
}

// name is short: a guest sees the first 20 bytes of it as the serial number.
func (s *soak) name(name string) string { return fmt.Sprintf("%s-%d", name, s.seed%100000) }

// steps are what a disk goes through, in order, while the manager dies once in each, at a random moment of the time
// that the work takes most often. Each ends with a look at the pattern. "data" is the disk with the pattern; it is in
// no machine between two steps.
var steps = []struct {
	name string
	work time.Duration
	run  func(t *testing.T, s *soak)
}{
	{"write", 8 * time.Second, func(t *testing.T, s *soak) {
		s.acts()
		cluster.Make(t, s.disk("data", "64Mi"))
		s.in(t, s.one, func(guest *harness.Guest) { s.checksum = writePattern(t, guest, s.name("data")) }, "data")
	}},
	{"grow", 6 * time.Second, func(t *testing.T, s *soak) {
		disk := s.disk("data", "64Mi")
		s.in(t, s.one, func(guest *harness.Guest) {
			larger := resource.MustParse("128Mi")
			s.acts()
			change(t, disk, func(disk *v1alpha1.WukongDisk) { disk.Spec.Size = &larger })
			guest.Until(t, harness.CausePlug, "lsblk -bdno SIZE "+device(s.name("data")),
				strconv.FormatInt(larger.Value(), 10))
			assertPattern(t, guest, s.checksum, s.name("data"))
		}, "data")
	}},
	{"move", 25 * time.Second, func(t *testing.T, s *soak) {
		disk, name := s.disk("data", "128Mi"), s.name("data")
		guest := cluster.Shell(t, s.one)
		attach(t, s.one, guest, name)
		require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(disk), disk))
		s.acts()
		change(t, disk, func(disk *v1alpha1.WukongDisk) { disk.Spec.StorageClassName = ptr.To(testbed.FixedClass) })
		waitMoved(t, disk, testbed.FixedClass)
		guest.Close()
		guest = cluster.Shell(t, s.one) // a console stays with the instance on the first node
		assertPattern(t, guest, s.checksum, name)
		detach(t, s.one, name)
		guest.Close()
	}},
	{"another machine", 12 * time.Second, func(t *testing.T, s *soak) {
		guest := cluster.Shell(t, s.two)
		s.acts()
		attach(t, s.two, guest, s.name("data"))
		assertPattern(t, guest, s.checksum, s.name("data"))
		detach(t, s.two, s.name("data"))
		guest.Close()
	}},
	{"clone", 8 * time.Second, func(t *testing.T, s *soak) {
		clone := s.disk("clone", "128Mi", builder.CloneOf("", s.name("data")))
		s.acts()
		cluster.Make(t, clone)
		waitDisk(t, clone)
		s.look(t, s.two, "clone")
	}},
	{"export", 10 * time.Second, func(t *testing.T, s *soak) {
		export := s.export()
		s.acts()
		cluster.Make(t, export)
		cluster.WaitReady(t, export, metav1.ConditionTrue, v1alpha1.ReasonCompleted, importAndBoot)
		require.NoError(t, cluster.Delete(t.Context(), export))
	}},
	{"import", 8 * time.Second, func(t *testing.T, s *soak) {
		again := s.disk("again", "128Mi", builder.FromS3(s.export().Spec.Target.S3.URL, credentialsName))
		s.acts()
		cluster.Make(t, again)
		waitDisk(t, again)
		s.look(t, s.two, "again")
	}},
	{"power cycle", 25 * time.Second, func(t *testing.T, s *soak) {
		change(t, s.one, func(vm *v1alpha1.WukongVM) {
			vm.Spec.Disks = append(vm.Spec.Disks, builder.DiskReference(s.name("data"), s.name("data")))
		})
		waitAttachment(t, s.one, s.name("data"), v1alpha1.DiskAttached)
		s.acts()
		powerState(t, s.one, v1alpha1.PowerStopped, v1alpha1.ReasonStopped)
		powerState(t, s.one, v1alpha1.PowerRunning, v1alpha1.ReasonRunning)
		guest := booted(t, s.one)
		waitAttachment(t, s.one, s.name("data"), v1alpha1.DiskAttached)
		assertPattern(t, guest, s.checksum, s.name("data"))
		guest.Close()
		// The machine has it until it stops.
		change(t, s.one, func(vm *v1alpha1.WukongVM) { takeOut(vm, s.name("data")) })
		powerState(t, s.one, v1alpha1.PowerStopped, v1alpha1.ReasonStopped)
		waitAttachment(t, s.one, s.name("data"), "")
		powerState(t, s.one, v1alpha1.PowerRunning, v1alpha1.ReasonRunning)
	}},
}

// export is that of this round's disk to the bucket.
func (s *soak) export() *v1alpha1.WukongExport {
	key := s.namespace + "/" + s.name("data") + ".qcow2"
	return builder.Export(s.namespace, s.name("data"), s.name("data"),
		toBucket(key, v1alpha1.ExportQCOW2, v1alpha1.ExportUncompressed))
}

// in does something in a machine that has disks of this round meanwhile.
func (s *soak) in(t *testing.T, vm *v1alpha1.WukongVM, do func(*harness.Guest), disks ...string) {
	t.Helper()
	guest := cluster.Shell(t, vm)
	names := make([]string, 0, len(disks))
	for _, disk := range disks {
		names = append(names, s.name(disk))
	}
	attach(t, vm, guest, names...)
	do(guest)
	detach(t, vm, names...)
	guest.Close()
}

// look compares the pattern on a disk of this round, in a machine.
func (s *soak) look(t *testing.T, vm *v1alpha1.WukongVM, disk string) {
	t.Helper()
	s.in(t, vm, func(guest *harness.Guest) { assertPattern(t, guest, s.checksum, s.name(disk)) }, disk)
}

// lanes is how many rounds run side by side, each with two machines of its own: most of a round is waiting. What kills
// the manager is common to them, so that each sees it die about twice as often as its own seed says.
const lanes = 2

// TestSoak: bytes survive whatever is done to their disk while the manager dies at a random moment of each step. 'make
// soak' runs it.
func TestSoak(t *testing.T) {
	harness.Thorough(t)
	first, rounds := number(t, "WUKONG_SEED", uint64(time.Now().Unix())), number(t, "WUKONG_SEEDS", defaultSeeds)
	began := time.Now()
	var done atomic.Int64
	for lane := first; lane < first+min(lanes, rounds); lane++ {
		t.Run(fmt.Sprintf("from seed %d", lane), func(t *testing.T) {
			t.Parallel()
			namespace := cluster.Namespace(t)
			one, two := tinyVM(namespace, "one"), tinyVM(namespace, "two")
			cluster.Make(t, exportCredentials(namespace, testbed.S3SecretKey), one, two)
			for _, vm := range []*v1alpha1.WukongVM{one, two} {
				cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
			}
			for seed := lane; seed < first+rounds; seed += lanes {
				round := &soak{namespace: namespace, seed: seed, one: one, two: two}
				if !t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { round.run(t) }) {
					t.Fatalf("repeat this seed with WUKONG_SEED=%d WUKONG_SEEDS=1; what is left of it would spoil "+
						"the next", seed)
				}
				t.Logf("soak: %d of %d seeds in %s", done.Add(1), rounds, time.Since(began).Round(time.Second))
			}
		})
	}
}

func (s *soak) run(t *testing.T) {
	random := rand.New(rand.NewPCG(s.seed, 0))
	for _, step := range steps {
		after := time.Duration(random.Int64N(int64(step.work)))
		t.Run(step.name, func(t *testing.T) {
			began := time.Now()
			var killer sync.WaitGroup
			defer killer.Wait()
			var killed time.Duration
			s.acts = func() {
				killer.Go(func() {
					time.Sleep(after)
					killed = s.kill(t, began)
				})
			}
			step.run(t, s)
			ended := time.Since(began)
			killer.Wait()
			t.Logf("seed %d, %s: %s, the manager was killed after %s", s.seed, step.name,
				ended.Round(time.Second), killed)
		})
		require.False(t, t.Failed())
	}
	for _, name := range []string{"data", "clone", "again"} {
		require.NoError(t, cluster.Delete(t.Context(), s.disk(name, "64Mi")))
	}
	kept := []string{}
	for _, vm := range []string{"one", "two"} {
		kept = append(kept, "WukongVM/"+vm, "VirtualMachine/"+vm, "VirtualMachineInstance/"+vm,
			"WukongDisk/"+vm+"-root", "DataVolume/"+vm+"-root", "PersistentVolumeClaim/"+vm+"-root",
			"Secret/"+vm+"-cloudinit")
		for _, pod := range launchers(t, map[string]*v1alpha1.WukongVM{"one": s.one, "two": s.two}[vm]) {
			kept = append(kept, "Pod/"+pod.Name)
		}
	}
	cluster.NothingLeft(t, s.namespace, patience, kept...)
}

// kill kills the manager, which may still be about to start after the last time, and says when that was.
func (s *soak) kill(t *testing.T, began time.Time) time.Duration {
	t.Helper()
	for deadline := time.Now().Add(harness.Scaled(patience)); cluster.KillOperator(t) == 0; time.Sleep(
		100 * time.Millisecond,
	) {
		if time.Now().After(deadline) {
			t.Errorf("no manager to kill after %s", patience)
			break
		}
	}
	return time.Since(began).Round(time.Millisecond)
}

func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	value, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, variable)
	return value
}

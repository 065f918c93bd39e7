// Package testkit is the test library of the controllers: one fixture on a real control plane.
//
// Once per package, TestMain starts etcd and an API server, with the garbage collector if the package asks for it:
//
//	func TestMain(m *testing.M) { testkit.Main(m, testenv.Options{GarbageCollection: true}) }
//
// Each test has a fixture: a namespace of its own, a client of an administrator, and managers that it starts, kills
// and restarts.
//
//	f, manager := testkit.Start(t, "wukongdisk")
//	disk := builder.Disk(f.Namespace, "root")
//	f.Create(disk)
//	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonClaimPending, "DataVolume root")
//	f.WaitIdle()
//	assert.Equal(t, 3, manager.Writes.Total(), manager.Writes)
//
// Its parts, each in a file of its own:
//
//   - main.go, fixture.go: a control plane for a package, or for one test when APIs must be missing; New, Start and
//     Parallel; which controllers run, by which clock, with whose rights; In for subtests, Elsewhere for a second
//     namespace.
//   - manager.go: StartManager, Stop, and the count of writes. Simulate simulates KubeVirt and CDI. RunAs gives a
//     manager the rights of generated roles and no others.
//   - objects.go: Create, Remove, Patch, Edit, SetStatus, Exists, Read.
//   - wait.go, kinds.go: Eventually, Until, Never, and waits for conditions and for the garbage collector. A failed
//     wait reports each object that its last attempt read.
//   - idle.go: WaitIdle, after which nothing more is written.
//   - storage.go: the parts of CDI and of the storage that tests simulate by hand, where the order of events matters.
//   - patience.go: how long a wait lasts. The variable WUKONG_PATIENCE multiplies it on a slow host.
//
// Tests that call Parallel run beside others of their package. Their managers see only their own namespace; others see
// all. So cluster-wide matters, such as addresses and bridges of nodes, are for tests that run one by one.
package testkit

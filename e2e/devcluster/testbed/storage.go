package testbed

// Storage.
const (
	// Provisioner is the name of the CSI driver.
	Provisioner = "csi.devcluster.wukong.local"
	// SnapshotsLabel is on the CSIDriver and says what a snapshot is, by one of the values below. A test of crash
	// consistency asks for what it needs.
	SnapshotsLabel = "devcluster.wukong.local/snapshots"
	// SnapshotsAtomic is where a snapshot, also one of a group, is one moment of all volumes in it.
	SnapshotsAtomic = "atomic"
	// SnapshotsPerFile is where a snapshot is one moment of each file, so of a disk, but not of a folder with several
	// files.
	SnapshotsPerFile = "per-file"
	// SnapshotsCopied is where a snapshot is a copy, torn if the volume is written meanwhile.
	SnapshotsCopied = "copied"
	// SharedClass is the default StorageClass.
	SharedClass = "wukong-shared"
	// LocalClass is the StorageClass whose claims wait for a pod.
	LocalClass = "wukong-local"
	// FixedClass is the StorageClass whose claims do not grow.
	FixedClass = "wukong-fixed"
	// SnapshotClass is the default VolumeSnapshotClass, for claims of all classes.
	SnapshotClass = "wukong"
)

// StorageClass says what the claims of a StorageClass can do. All of them can be cloned, also into a larger one and
// another class, and have snapshots.
type StorageClass struct {
	Name string
	// Default says that claims without a class get this one.
	Default bool
	// Shared says that pods on several nodes can have a claim at the same time: ReadWriteMany. Machines on it migrate.
	Shared bool
	// BindsAtFirstUse says that a claim waits until a pod uses it: WaitForFirstConsumer.
	BindsAtFirstUse bool
	// Grows says that a claim can be enlarged.
	Grows bool
	// GrowsOnNode says that the enlargement of a file system ends only when a pod uses the claim. That of a block
	// device always does.
	GrowsOnNode bool
}

// StorageClasses are all classes of the cluster.
func StorageClasses() []StorageClass {
	return []StorageClass{
		{Name: SharedClass, Default: true, Shared: true, Grows: true},
		{Name: LocalClass, BindsAtFirstUse: true, Grows: true, GrowsOnNode: true},
		{Name: FixedClass, Shared: true},
	}
}

// Parameters of a StorageClass of Provisioner.
const (
	// PoolParameter names the pool that volumes are booked in. Without it there is one for all.
	PoolParameter = "pool"
	// PoolBytesParameter is how much a pool has room for, as a quantity. A volume beyond it is refused until there is
	// room.
	PoolBytesParameter = "poolBytes"
)

// PoolParameters are the parameters of a class with a pool of its own.
func PoolParameters(pool, capacity string) map[string]string {
	return map[string]string{PoolParameter: pool, PoolBytesParameter: capacity}
}

package sandbox

// InitArgument is the hidden first argument with which this program is the init of a sandbox. The second is the file of
// the Spec.
const InitArgument = "sandbox-init"

// Spec describes a sandbox.
type Spec struct {
	// Name is the host name inside, and names the sandbox in messages.
	Name string `json:"name"`
	// Cgroup is the name of the sandbox's cgroup, directly below the root of each hierarchy.
	Cgroup string `json:"cgroup"`
	// Root is a file system of its own; nil keeps the host's, with mounts that are private.
	Root *Root `json:"root,omitempty"`
	// Sysctls are kernel parameters of the sandbox's network namespace, as paths below /proc/sys.
	Sysctls map[string]string `json:"sysctls,omitempty"`
	// ShieldedSysctls are parameters of the whole machine that programs inside want to set. They are covered by plain
	// files with these values, so that the programs are content and the host keeps its own.
	ShieldedSysctls map[string]string `json:"shieldedSysctls,omitempty"`
	// Programs run until the sandbox ends.
	Programs []Program `json:"programs"`
	// Environment is what every program gets.
	Environment []string `json:"environment"`
}

// Root describes the root file system of a sandbox.
type Root struct {
	// Folder holds the mount point, and what is written over the host's files. It is removed with the sandbox.
	Folder string `json:"folder"`
	// Binds are folders of the host that are writable inside: source on the host to target inside.
	Binds map[string]string `json:"binds"`
	// Mounts are file systems on block devices of the host, mounted after Binds. The host sees the devices and not the
	// mounts.
	Mounts []Mount `json:"mounts,omitempty"`
	// Temporary are folders that are empty and in memory.
	Temporary []string `json:"temporary"`
}

// Mount is a file system on a block device.
type Mount struct {
	Device  string `json:"device"`
	Kind    string `json:"kind"`
	Options string `json:"options"`
	// Target is the folder inside.
	Target string `json:"target"`
}

// Program is one long-running process of a sandbox. When it ends, it is started again.
type Program struct {
	Name string   `json:"name"`
	Args []string `json:"args"`
	// Log is the file on the host that gets standard output and standard error.
	Log string `json:"log"`
	// WaitFor are addresses that must accept connections before the program starts, "unix:/path" or "tcp:host:port", or
	// that must answer with success, "https://host/path".
	WaitFor []string `json:"waitFor,omitempty"`
}

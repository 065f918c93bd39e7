package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/internal/component"
	"github.com/novasphere/wukong/e2e/devcluster/internal/network"
	"github.com/novasphere/wukong/e2e/devcluster/internal/pki"
	"github.com/novasphere/wukong/e2e/devcluster/internal/pooldisk"
	"github.com/novasphere/wukong/e2e/devcluster/internal/sandbox"
)

// Places inside a node.
const (
	nodeConfig       = "/etc/wukong"
	nodePrograms     = "/opt/wukong/bin"
	containerdSocket = "/run/containerd/containerd.sock"
)

// startNode starts containerd, kubelet and kube-proxy in a sandbox with a root of its own.
func (c *Cluster) startNode(ctx context.Context, number int) error {
	name := nodeName(number)
	if err := c.writeNodeFiles(number); err != nil {
		return fmt.Errorf("node %s: %w", name, err)
	}
	spec := nodeSpec(c.place, c.state.Plan, number)
	if c.state.Pool != pooldisk.Folder {
		device, err := pooldisk.Attach(c.place.pool())
		if err != nil {
			return fmt.Errorf("node %s: attach the disk of volumes: %w", name, err)
		}
		// From its start on, the node holds it by its mount.
		defer device.Close()
		spec.Root.Mounts = append(spec.Root.Mounts, sandbox.Mount{
			Device: device.Name(), Kind: string(c.state.Pool), Options: c.state.Pool.Options(), Target: addon.PoolMount,
		})
	}
	started, err := sandbox.Start(ctx, spec, filepath.Join(c.place.node(name), "spec.json"), c.place.log(name, "init"))
	if err != nil {
		return err
	}
	node := nodeState{ID: started.ID, Number: number, Since: time.Now().UTC().Truncate(time.Second)}
	if before := c.state.node(number); before != nil {
		node.Images = before.Images
	}
	others := map[int]int{}
	for _, other := range c.state.Nodes {
		if other.Number != number && other.Alive() {
			others[other.Number] = other.PID
		}
	}
	c.state.setNode(node)
	if err := c.state.save(c.place); err != nil {
		return err
	}
	if err := network.ConnectNode(c.state.Plan, c.state.ControlPlane.PID, started.PID, number, others); err != nil {
		return fmt.Errorf("node %s: %w", name, err)
	}
	return started.Release()
}

func nodeSpec(place paths, plan network.Plan, number int) sandbox.Spec {
	name, address := nodeName(number), plan.Node(number).String()
	folder := place.node(name)
	program := func(program string, waitFor []string, arguments ...string) sandbox.Program {
		return sandbox.Program{
			Name: program, Log: place.log(name, program), WaitFor: waitFor,
			Args: append([]string{filepath.Join(nodePrograms, program)}, arguments...),
		}
	}
	return sandbox.Spec{
		Name:        name,
		Cgroup:      place.cgroup(name),
		Environment: []string{programPath, "HOME=/root", collectSeldom},
		Root: &sandbox.Root{
			Folder: filepath.Join(folder, "root"),
			Binds: map[string]string{
				// An overlay cannot hold the writable layer of another, so containerd and volumes are on the host's
				// disk.
				place.containerd(name):            "/var/lib/containerd",
				filepath.Join(folder, "kubelet"):  "/var/lib/kubelet",
				filepath.Join(folder, "log"):      "/var/log",
				filepath.Join(folder, "config"):   nodeConfig,
				filepath.Join(folder, "cni-bin"):  "/opt/cni/bin",
				filepath.Join(folder, "cni-conf"): "/etc/cni/net.d",
				place.programs():                  nodePrograms,
				place.shared():                    addon.SharedMount,
			},
			// What the host may have there of its own must not be taken for the node's.
			Temporary: []string{"/run", "/tmp", "/var/tmp", "/var/lib/cni", "/etc/cdi"},
		},
		Sysctls: map[string]string{
			"net/ipv4/ip_forward": "1",
			// Pods are routed through links with addresses of other subnets.
			"net/ipv4/conf/all/rp_filter": "0",
		},
		ShieldedSysctls: kubeletSysctls(),
		Programs: []sandbox.Program{
			program("containerd", nil, "--config="+nodeConfig+"/containerd.toml"),
			// It would try again less and less often, up to every seven seconds, to register at an API server that is
			// not there yet.
			program("kubelet", []string{"unix:" + containerdSocket, readyURL(plan)},
				"--config="+nodeConfig+"/kubelet.yaml", "--kubeconfig="+nodeConfig+"/kubelet.kubeconfig",
				"--root-dir=/var/lib/kubelet", "--hostname-override="+name, "--node-ip="+address,
				// How often cAdvisor reads the cgroups of all containers, which nobody asks for. Elsewhere every ten
				// seconds.
				"--housekeeping-interval=1m"),
			program("kube-proxy", []string{readyURL(plan)}, "--config="+nodeConfig+"/kube-proxy.yaml"),
		},
	}
}

// kubeletSysctls are the parameters of the machine that kubelet insists on, with the values that it wants.
func kubeletSysctls() map[string]string {
	return map[string]string{
		"vm/overcommit_memory":      "1",
		"vm/panic_on_oom":           "0",
		"kernel/panic":              "10",
		"kernel/panic_on_oops":      "1",
		"kernel/keys/root_maxkeys":  "1000000",
		"kernel/keys/root_maxbytes": "25000000",
	}
}

// writeNodeFiles writes the configuration and credentials of a node where its root will find them.
func (c *Cluster) writeNodeFiles(number int) error {
	name, plan := nodeName(number), c.state.Plan
	folder := c.place.node(name)
	config := filepath.Join(folder, "config")
	authority, err := pki.LoadAuthority(c.place.pki("ca"))
	if err != nil {
		return err
	}
	address := plan.Node(number).String()
	serving, err := authority.Issue(pki.Request{
		Name: "system:node:" + name, Groups: []string{"system:nodes"}, Hosts: []string{name, address},
	})
	if err != nil {
		return err
	}
	proxyUser := pki.Request{Name: "system:kube-proxy"}
	nodeUser := pki.Request{Name: "system:node:" + name, Groups: []string{"system:nodes"}}
	return errors.Join(
		serving.Write(filepath.Join(config, "kubelet")),
		os.WriteFile(filepath.Join(config, "ca.crt"), authority.Certificate, 0o644),
		writeKubeconfig(filepath.Join(config, "kubelet.kubeconfig"), authority, plan, nodeUser),
		writeKubeconfig(filepath.Join(config, "kube-proxy.kubeconfig"), authority, plan, proxyUser),
		os.WriteFile(filepath.Join(config, "containerd.toml"), []byte(containerdConfig(canRaiseOOMPriority())), 0o644),
		os.WriteFile(filepath.Join(config, "resolv.conf"), nil, 0o644),
		writeYAML(filepath.Join(config, "kubelet.yaml"), kubeletConfig(plan)),
		writeYAML(filepath.Join(config, "kube-proxy.yaml"), kubeProxyConfig(plan, name)),
		writeJSON(filepath.Join(folder, "cni-conf", "10-wukong.conflist"), networkConfig(plan, number)),
		// Copies, not links: pods that get the folder write to it.
		placePrograms(c.programs.networkPlugins, filepath.Join(folder, "cni-bin"), addon.CopyProgram),
		writeHostFiles(filepath.Join(folder, "root", "written", "0"), name),
	)
}

// writeHostFiles gives the node names of its own, in the layer that covers the host's files.
func writeHostFiles(layer, name string) error {
	etc := filepath.Join(layer, "etc")
	if err := os.MkdirAll(etc, 0o755); err != nil {
		return err
	}
	machine := strings.Repeat(fmt.Sprintf("%x", []byte(name)), 4)[:32]
	hosts := fmt.Sprintf("127.0.0.1 localhost\n127.0.1.1 %s\n", name)
	return errors.Join(
		os.WriteFile(filepath.Join(etc, "hostname"), []byte(name+"\n"), 0o644),
		os.WriteFile(filepath.Join(etc, "hosts"), []byte(hosts), 0o644),
		os.WriteFile(filepath.Join(etc, "machine-id"), []byte(machine+"\n"), 0o444),
	)
}

// placePrograms places the files of a folder that are not there yet into another one.
func placePrograms(from, to string, place func(source, target string) error) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, item := range entries {
		target := filepath.Join(to, item.Name())
		if _, err := os.Stat(target); err == nil {
			continue
		}
		if err := place(filepath.Join(from, item.Name()), target); err != nil {
			return err
		}
	}
	return nil
}

// containerdConfig is the configuration of a node's containerd.
func containerdConfig(raiseOOMPriority bool) string {
	return fmt.Sprintf(`version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
imports = []
disabled_plugins = ["io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.devmapper", `+
		`"io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = %q

[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = %q

[plugins."io.containerd.cri.v1.images"]
  stats_collect_period = 60

[plugins."io.containerd.cri.v1.runtime"]
  # Nobody reads how much each container computes, and every second every shim would be asked.
  stats_collect_period = "1m"
  stats_retention_period = "5m"
  # A profile would be loaded into the host's kernel.
  disable_apparmor = true
  # Volumes of the mode Block belong to the user of the container, as CDI expects.
  device_ownership_from_security_context = true
  # Without CAP_SYS_RESOURCE nobody can make a process less likely to be killed when memory is short.
  restrict_oom_score_adj = %t

[plugins."io.containerd.cri.v1.runtime".containerd]
  default_runtime_name = "runc"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  BinaryName = %q
  SystemdCgroup = false
`, containerdSocket, component.PauseImage, !raiseOOMPriority, filepath.Join(nodePrograms, "runc"))
}

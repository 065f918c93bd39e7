package hostbridge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Danger is why a bridge must not be created now.
type Danger struct {
	// Unknown: the use of a node's ports is not known. Otherwise a node would lose its network.
	Unknown bool
	Message string
}

// maxExamples is how many nodes a message names.
const maxExamples = 3

// danger returns why a managed bridge must not be created on the nodes, or nil. made are the interfaces that Wukong
// created before. A node that is not ready is not waited for: NMState does not run there, and it cannot get the bridge
// now.
func danger(bridge string, managed *v1alpha1.ManagedBridge, made map[string]bool, nodes []node) *Danger {
	var unknown, losses []string
	for i := range nodes {
		one := &nodes[i]
		switch {
		case one.state != nil:
			loss := cmp.Or(takenOf(bridge, managed, made, one), lossOf(bridge, managed, one), squeezeOf(managed, one))
			if loss != "" {
				losses = append(losses, loss)
			}
		case one.ready:
			unknown = append(unknown, one.name)
		}
	}
	switch {
	case len(losses) > 0:
		message := strings.Join(losses[:min(len(losses), maxExamples)], "; ")
		if more := len(losses) - maxExamples; more > 0 {
			message += fmt.Sprintf("; and so on %d more nodes", more)
		}
		return &Danger{Message: message}
	case len(unknown) > 0:
		return &Danger{Unknown: true, Message: fmt.Sprintf("the use of the interfaces of %s is not known: there "+
			"is no NodeNetworkState yet; check that NMState's handler runs there", some(unknown))}
	default:
		return nil
	}
}

// takenOf returns an unmanaged interface of a node that the bridge would take over and later withdraw, as a message,
// or "".
func takenOf(bridge string, managed *v1alpha1.ManagedBridge, made map[string]bool, one *node) string {
	if ptr.Deref(managed.Adopt, false) {
		return ""
	}
	for _, name := range created(bridge, managed) {
		if one.state.find(name) != nil && !made[name] {
			return fmt.Sprintf("%s exists on node %s, and is not managed by Wukong; leave out bridge.managed to "+
				"use the bridge as it is, choose another name, or set bridge.managed.adopt: true", name, one.name)
		}
	}
	return ""
}

// squeezeOf returns a message if the bridge would set the MTU of the interface by which others reach a node, or "".
// keepHostAddress permits that.
func squeezeOf(managed *v1alpha1.ManagedBridge, one *node) string {
	if managed.MTU == nil || ptr.Deref(managed.KeepHostAddress, false) {
		return ""
	}
	for _, port := range hardware(managed) {
		found, lifeline := one.state.find(port), one.state.lifeline(port)
		if found != nil && lifeline != nil && found.MTU != *managed.MTU {
			return fmt.Sprintf("node %s is reached by %s, and bridge.managed.mtu would change the MTU of %s from %d "+
				"to %d; leave out mtu, or name another port",
				one.name, lifeline.Name, port, found.MTU, *managed.MTU)
		}
	}
	return ""
}

// lossOf returns what a node would lose, or "".
func lossOf(bridge string, managed *v1alpha1.ManagedBridge, one *node) string {
	mine := []string{bridge}
	if managed.Bond != nil {
		mine = append(mine, managed.Bond.Name)
	}
	keep := ptr.Deref(managed.KeepHostAddress, false)
	for _, port := range taken(managed) {
		found := one.state.find(port)
		switch {
		case found == nil || slices.Contains(mine, found.Controller):
			continue
		case found.Controller != "":
			return fmt.Sprintf("%s of node %s is a port of %s already; name another port", port, one.name,
				found.Controller)
		case keep && len(found.static()) > 0:
			return fmt.Sprintf("%s of node %s has the address %s, which is static, so that the bridge would not "+
				"get it; name another port", port, one.name, found.static()[0])
		case keep:
			continue
		case found.carries():
			return fmt.Sprintf("%s of node %s has the address %s, which the node would lose; name another port, "+
				"or set keepHostAddress: true", port, one.name, found.global()[0])
		case one.state.carriesDefaultRoute(port):
			return fmt.Sprintf("node %s has its default route on %s; name another port, or set "+
				"keepHostAddress: true", one.name, port)
		}
	}
	return ""
}

func (i *nodeInterface) global() []string { return append(i.IPv4.global(), i.IPv6.global()...) }

// some returns the first few names, and how many more there are.
func some(names []string) string {
	if more := len(names) - maxExamples; more > 0 {
		return fmt.Sprintf("%s and %d more nodes", strings.Join(names[:maxExamples], ", "), more)
	}
	return strings.Join(names, ", ")
}

// Package addressing decides the addresses, gateways and routes of a machine's interface from what the machine and its
// WukongNetwork say, or says why they do not fit. It is pure.
//
// A static address takes its prefix length from itself, or else from the subnet of the network that it lies in. Its
// gateways are those of the subnets that its addresses lie in, and a route of the network applies when one of the
// addresses reaches its next hop. Refused are addresses that lie in no subnet of a network that lists some, that have
// no prefix length anywhere or another than their subnet, that belong to the subnet itself (network, broadcast) or to
// its gateway, and that appear twice; and next hops that nobody on the network reaches. cloud-init's network
// configuration has no on-link routes that all its renderers share.
package addressing

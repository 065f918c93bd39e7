// Package hostaccess decides whether a WukongNetwork may use the node networks that it names. It is pure.
//
// The admission policy config/crd/wukongnetwork-host-access.yaml checks each request by the same rules and with the
// same messages; a test compares them. This package also covers what the admission policy cannot see: a network that
// is older than the policy, and one whose permission was withdrawn.
package hostaccess

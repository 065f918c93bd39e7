// Package policy limits the traffic of a WukongVM on the pod network by a NetworkPolicy, and reports whether that is
// enforced.
package policy

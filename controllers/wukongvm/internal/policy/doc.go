// Package policy limits the traffic of a WukongVM on the pod network by a NetworkPolicy, and says whether that holds.
package policy

// Package hostaccess says whether a WukongNetwork may use what it names of the nodes' networks. It is pure.
//
// The admission policy config/crd/wukongnetwork-host-access.yaml asks the same of each request, by the same rules and with the same words, which a
// test compares. What it cannot see is judged here: a network that was there before the policy, and one whose permission was taken back.
package hostaccess

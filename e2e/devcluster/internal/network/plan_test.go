package network

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlanAvoidsWhatTheMachineUses(t *testing.T) {
	prefixes := func(texts ...string) (all []netip.Prefix) {
		for _, text := range texts {
			all = append(all, netip.MustParsePrefix(text))
		}
		return all
	}
	for name, test := range map[string]struct {
		used                  []netip.Prefix
		nodes, pods, services string
	}{
		"nothing is used": {nil, "172.30.0.0/24", "10.200.0.0/16", "10.199.0.0/16"},
		"a docker network overlaps nodes": {prefixes("172.30.0.0/22"), "172.30.4.0/24", "10.200.0.0/16",
			"10.199.0.0/16"},
		"the office network overlaps pods": {prefixes("10.200.7.0/24"), "172.30.0.0/24", "10.199.0.0/16",
			"10.198.0.0/16"},
		"half of the private range is taken": {prefixes("10.128.0.0/9"), "172.30.0.0/24", "10.127.0.0/16",
			"10.126.0.0/16"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := NewPlan("wk-test", test.used)
			require.NoError(t, err)
			require.Equal(t, test.nodes, plan.Nodes.String())
			require.Equal(t, test.pods, plan.Pods.String())
			require.Equal(t, test.services, plan.Services.String())
		})
	}
}

func TestPlanSaysWhenNothingIsFree(t *testing.T) {
	_, err := NewPlan("wk-test", []netip.Prefix{netip.MustParsePrefix("172.16.0.0/12")})
	require.ErrorContains(t, err, "find a subnet for the nodes")
}

func TestAddressesOfAPlan(t *testing.T) {
	plan, err := NewPlan("wk-test", nil)
	require.NoError(t, err)
	require.Equal(t, "172.30.0.1", plan.ControlPlane().String())
	require.Equal(t, "172.30.0.254", plan.Host().String())
	require.Equal(t, "172.30.0.12", plan.Node(2).String())
	require.Equal(t, "10.200.2.0/24", plan.PodSubnet(2).String())
	require.Equal(t, "10.199.0.1", plan.APIService().String())
	require.Equal(t, "10.199.0.10", plan.DNS().String())
}

package addresspool

import (
	"net/netip"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Count counts the addresses of the pools of a network, of which some are taken.
func Count(spec *v1alpha1.WukongNetworkSpec, pools []Pool, taken map[netip.Addr]bool) []v1alpha1.PoolStatus {
	var result []v1alpha1.PoolStatus
	for i := range pools {
		pool := &pools[i]
		status := v1alpha1.PoolStatus{CIDR: pool.Subnet.String(), Total: pool.Total}
		for address := range taken {
			if pool.Has(address) {
				status.Used++
			}
		}
		for _, reservation := range Reservations(spec) {
			if pool.Has(reservation.Address) && !taken[reservation.Address] {
				status.Reserved++
			}
		}
		status.Free = status.Total - status.Used - status.Reserved
		result = append(result, status)
	}
	return result
}

package naming

import (
	"crypto/sha256"
	"net"

	"k8s.io/apimachinery/pkg/types"
)

// MAC derives the hardware address of a machine's interface from the machine's UID and the interface's name, as six lower-case
// hexadecimal bytes. It is unicast and locally administered (IEEE 802c), with 46 bits of SHA-256: among a million interfaces on one
// network the chance that any two meet is below one percent.
func MAC(uid types.UID, interfaceName string) string {
	sum := sha256.Sum256([]byte(string(uid) + "\x00" + interfaceName))
	address := net.HardwareAddr(sum[:6])
	address[0] = address[0]&^0x01 | 0x02
	return address.String()
}

package loop

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDevicesOfAFolderAreFoundWithWhatIsOnTop(t *testing.T) {
	volume := Device{Path: "/dev/loop3", Number: 0x703, FileDevice: 1, FileInode: 100}
	lock := Device{Path: "/dev/loop1", Number: 0x701, FileDevice: 5, FileInode: 9, FileNumber: 0x703}
	hosts := Device{Path: "/dev/loop0", Number: 0x700, FileDevice: 1, FileInode: 200}
	hostsOnDisk := Device{Path: "/dev/loop2", Number: 0x702, FileDevice: 5, FileInode: 7, FileNumber: 0x800}
	require.Equal(t, []Device{volume, lock},
		own([]Device{hosts, lock, hostsOnDisk, volume}, map[[2]uint64]bool{{1, 100}: true}))
	require.Empty(t, own([]Device{hosts, hostsOnDisk}, nil))
}

package qcow2

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/novasphere/wukong/mover/internal/disk"
)

const (
	clusterBits     = 16
	clusterSize     = int64(1) << clusterBits
	entriesPerTable = clusterSize / 8 // of an L1, L2 or refcount table: 8 bytes each
	refcountsPer    = clusterSize / 2 // of a refcount block: 2 bytes each
	refcountOrder   = 4               // 2 to that power bits
	headerLength    = 104
	sectorSize      = 512
	// usedOnce marks an L1 or L2 entry whose cluster has a refcount of exactly one.
	usedOnce = uint64(1) << 63
)

var zeros = make([]byte, clusterSize)

// Image is a disk as a qcow2 file.
type Image struct {
	source    *disk.Disk
	allocated *allocation
	// tables lists the existing L2 tables, in order.
	tables []int64

	// The first cluster of each part.
	refcountTable, refcountBlocks, l1Table, l2Tables, data, end int64

	// The last computed cluster: readers ask for less than one at a time.
	mutex   sync.Mutex
	cached  int64
	content []byte
}

// New reads the disk once, to find the clusters that are zero. It calls observe with the number of bytes done.
func New(ctx context.Context, source *disk.Disk, observe func(int64)) (*Image, error) {
	allocated, err := scan(ctx, source, observe)
	if err != nil {
		return nil, err
	}
	image := &Image{source: source, allocated: allocated, cached: -1, content: make([]byte, clusterSize)}
	for table := range int64(len(allocated.before) - 1) {
		if allocated.tableUsed(table) {
			image.tables = append(image.tables, table)
		}
	}
	image.layOut()
	return image, nil
}

// layOut computes the position of each part. The refcount blocks count themselves, so their number is approached from
// below.
func (i *Image) layOut() {
	l1 := divideUp(int64(len(i.allocated.before)-1), entriesPerTable)
	rest := 1 + l1 + int64(len(i.tables)) + i.allocated.total()
	blocks, table := int64(1), int64(1)
	for {
		wantedBlocks := divideUp(rest+blocks+table, refcountsPer)
		wantedTable := divideUp(wantedBlocks, entriesPerTable)
		if wantedBlocks == blocks && wantedTable == table {
			break
		}
		blocks, table = wantedBlocks, wantedTable
	}
	i.refcountTable = 1
	i.refcountBlocks = i.refcountTable + table
	i.l1Table = i.refcountBlocks + blocks
	i.l2Tables = i.l1Table + l1
	i.data = i.l2Tables + int64(len(i.tables))
	i.end = i.data + i.allocated.total()
}

// Size implements disk.Image.
func (i *Image) Size() int64 { return i.end * clusterSize }

// ReadAt implements io.ReaderAt.
func (i *Image) ReadAt(buffer []byte, offset int64) (int, error) {
	done := 0
	for done < len(buffer) {
		at := offset + int64(done)
		if at >= i.Size() {
			return done, io.EOF
		}
		n, err := i.copyCluster(buffer[done:], at/clusterSize, at%clusterSize)
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

func (i *Image) copyCluster(buffer []byte, cluster, offset int64) (int, error) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.cached != cluster {
		i.cached = -1
		copy(i.content, zeros)
		if err := i.compute(cluster); err != nil {
			return 0, err
		}
		i.cached = cluster
	}
	return copy(buffer, i.content[offset:]), nil
}

// compute fills content, which is zero, with one cluster of the file.
func (i *Image) compute(cluster int64) error {
	switch {
	case cluster >= i.data:
		at := i.allocated.cluster(cluster-i.data) * clusterSize
		n, err := i.source.ReadAt(i.content[:min(clusterSize, i.source.Size()-at)], at)
		if err != nil && (!errors.Is(err, io.EOF) || at+int64(n) < i.source.Size()) {
			return err
		}
	case cluster >= i.l2Tables:
		i.computeL2(i.tables[cluster-i.l2Tables])
	case cluster >= i.l1Table:
		i.computeL1((cluster - i.l1Table) * entriesPerTable)
	case cluster >= i.refcountBlocks:
		first := (cluster - i.refcountBlocks) * refcountsPer
		for entry := range min(refcountsPer, i.end-first) {
			binary.BigEndian.PutUint16(i.content[entry*2:], 1)
		}
	case cluster >= i.refcountTable:
		first := (cluster - i.refcountTable) * entriesPerTable
		for entry := range min(entriesPerTable, i.l1Table-i.refcountBlocks-first) {
			i.put(entry, uint64((i.refcountBlocks+first+entry)*clusterSize))
		}
	default:
		i.computeHeader()
	}
	return nil
}

func (i *Image) computeL1(first int64) {
	for position, table := range i.tables {
		if entry := table - first; entry >= 0 && entry < entriesPerTable {
			i.put(entry, uint64((i.l2Tables+int64(position))*clusterSize)|usedOnce)
		}
	}
}

func (i *Image) computeL2(table int64) {
	data := i.data + i.allocated.before[table]
	for entry := range entriesPerTable {
		if i.allocated.has(table*entriesPerTable + entry) {
			i.put(entry, uint64(data*clusterSize)|usedOnce)
			data++
		}
	}
}

// computeHeader writes the header of version 3. After it comes the end of the header extensions, which is zero.
func (i *Image) computeHeader() {
	header := i.content
	copy(header, "QFI\xfb")
	binary.BigEndian.PutUint32(header[4:], 3)
	binary.BigEndian.PutUint32(header[20:], clusterBits)
	// A guest sees whole sectors.
	binary.BigEndian.PutUint64(header[24:], uint64(divideUp(i.source.Size(), sectorSize)*sectorSize))
	binary.BigEndian.PutUint32(header[36:], uint32(len(i.allocated.before)-1))
	binary.BigEndian.PutUint64(header[40:], uint64(i.l1Table*clusterSize))
	binary.BigEndian.PutUint64(header[48:], uint64(i.refcountTable*clusterSize))
	binary.BigEndian.PutUint32(header[56:], uint32(i.refcountBlocks-i.refcountTable))
	binary.BigEndian.PutUint32(header[96:], refcountOrder)
	binary.BigEndian.PutUint32(header[100:], headerLength)
}

func (i *Image) put(entry int64, value uint64) {
	binary.BigEndian.PutUint64(i.content[entry*8:], value)
}

func divideUp(value, by int64) int64 { return (value + by - 1) / by }

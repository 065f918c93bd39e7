package qcow2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"sort"

	"github.com/novasphere/wukong/mover/internal/disk"
)

// allocation records which clusters of the disk have data: a bit for each, and how many come before each L2 table, so
// that a disk of a TiB costs 2 MiB of memory.
type allocation struct {
	words []uint64
	// before[t] is the number of clusters with data before L2 table t; the last entry is the total.
	before []int64
}

const wordsPerTable = entriesPerTable / 64

// scan reads all stored bytes of the disk. It calls observe with the number of bytes done, holes included.
func scan(ctx context.Context, source *disk.Disk, observe func(int64)) (*allocation, error) {
	extents, err := source.Extents()
	if err != nil {
		return nil, err
	}
	clusters := divideUp(source.Size(), clusterSize)
	tables := divideUp(clusters, entriesPerTable)
	result := &allocation{words: make([]uint64, tables*wordsPerTable)}
	buffer, done := make([]byte, clusterSize), int64(0)
	for _, extent := range extents {
		for cluster := extent.Begin / clusterSize; cluster*clusterSize < extent.End; cluster++ {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			n, err := source.ReadAt(buffer[:min(clusterSize, source.Size()-cluster*clusterSize)], cluster*clusterSize)
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("read the disk at byte %d: %w", cluster*clusterSize, err)
			}
			if !bytes.Equal(buffer[:n], zeros[:n]) {
				result.words[cluster/64] |= 1 << (cluster % 64)
			}
			observe((cluster+1)*clusterSize - done)
			done = (cluster + 1) * clusterSize
		}
	}
	observe(source.Size() - done)
	result.count()
	return result, nil
}

func (a *allocation) count() {
	tables := int64(len(a.words)) / wordsPerTable
	a.before = make([]int64, tables+1)
	for table := range tables {
		a.before[table+1] = a.before[table]
		for _, word := range a.words[table*wordsPerTable : (table+1)*wordsPerTable] {
			a.before[table+1] += int64(bits.OnesCount64(word))
		}
	}
}

func (a *allocation) has(cluster int64) bool { return a.words[cluster/64]&(1<<(cluster%64)) != 0 }

// total returns the number of clusters with data.
func (a *allocation) total() int64 { return a.before[len(a.before)-1] }

// tableUsed reports whether an L2 table has any data.
func (a *allocation) tableUsed(table int64) bool { return a.before[table+1] > a.before[table] }

// cluster returns which cluster of the disk is the n-th with data.
func (a *allocation) cluster(n int64) int64 {
	table := int64(sort.Search(len(a.before)-1, func(t int) bool { return a.before[t+1] > n }))
	left := n - a.before[table]
	for index := table * wordsPerTable; ; index++ {
		count := int64(bits.OnesCount64(a.words[index]))
		if left >= count {
			left -= count
			continue
		}
		word := a.words[index]
		for range left {
			word &= word - 1
		}
		return index*64 + int64(bits.TrailingZeros64(word))
	}
}

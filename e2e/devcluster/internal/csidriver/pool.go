package csidriver

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"
	"time"
)

// Names inside the folder of a volume or snapshot.
const (
	recordFile     = "record.json"
	contentName    = "content" // a folder, or for a block volume a file
	attachmentsDir = "attachments"
	unfinished     = ".new"
)

// defaultPool is the pool of volumes whose class names none.
const defaultPool = "default"

// record describes a volume or a snapshot. It is written once the content is complete.
type record struct {
	ID   string `json:"id"`
	Name string `json:"name"` // as the container orchestrator named it
	// Bytes is the size that was asked for. For a snapshot it is the size of its volume at that time.
	Bytes int64 `json:"bytes"`
	Block bool  `json:"block"`
	// Source is the volume that a snapshot is of, or the volume or snapshot that a volume was made from.
	Source        string    `json:"source,omitempty"`
	Created       time.Time `json:"created"`
	Pool          string    `json:"pool,omitempty"`
	PoolBytes     int64     `json:"poolBytes,omitempty"`
	NodeExpansion bool      `json:"nodeExpansion,omitempty"`
	// Group is the group that a snapshot is a member of; Sources are the volumes that a group is of, sorted.
	Group   string   `json:"group,omitempty"`
	Sources []string `json:"sources,omitempty"`
}

// pool keeps volumes and snapshots in a folder. Everything that it knows is in that folder, so the driver can restart
// at any time, and the controller and the nodes can be different processes.
type pool struct {
	folder string
	// atomic says that the folder is a Btrfs subvolume, which can be snapshotted in one act.
	atomic bool
	// mutex serializes changes: there is one controller.
	mutex sync.Mutex
}

// The kinds of things in a pool, which are also the names of their folders.
const (
	volumes   = "volumes"
	snapshots = "snapshots"
	groups    = "groups" // of snapshots; without content
)

// prefixes are those of IDs by kind.
var prefixes = map[string]string{volumes: "vol-", snapshots: "snap-", groups: "group-"}

var validID = regexp.MustCompile(`^(vol|snap|group)-[0-9a-f]{32}$`)

var errNotThere = errors.New("does not exist")

// openPool makes the folders, and removes what an interrupted driver left half made if cleanUp is true.
func openPool(folder string, cleanUp bool) (*pool, error) {
	for _, one := range []string{volumes, snapshots, groups, cutsFolder} {
		if err := os.MkdirAll(filepath.Join(folder, one), 0o755); err != nil {
			return nil, fmt.Errorf("open pool: %w", err)
		}
	}
	atomic, err := isSubvolume(folder)
	if err != nil {
		return nil, fmt.Errorf("open pool: %w", err)
	}
	p := &pool{folder: folder, atomic: atomic}
	if cleanUp {
		if err := errors.Join(p.removeUnfinished(), p.removeCuts(), p.removeOrphans()); err != nil {
			return nil, fmt.Errorf("remove what was half made: %w", err)
		}
	}
	return p, nil
}

func (p *pool) removeUnfinished() error {
	leftovers, err := filepath.Glob(filepath.Join(p.folder, "*", "*"+unfinished))
	if err != nil {
		return err
	}
	for _, leftover := range leftovers {
		if err := os.RemoveAll(leftover); err != nil {
			return err
		}
	}
	return nil
}

// idFor derives an ID from a name, so that a request that is repeated finds what the first one made.
func idFor(kind, name string) string {
	sum := sha256.Sum256([]byte(name))
	return prefixes[kind] + hex.EncodeToString(sum[:16])
}

func (p *pool) path(kind, id string) string { return filepath.Join(p.folder, kind, id) }

func (p *pool) content(volume string) string { return contentBelow(p.folder, volumes, volume) }

// get returns errNotThere for an ID that nothing has, or can have.
func (p *pool) get(kind, id string) (record, error) {
	var found record
	if !validID.MatchString(id) || !strings.HasPrefix(id, prefixes[kind]) {
		return found, fmt.Errorf("%s: %w", id, errNotThere)
	}
	data, err := os.ReadFile(filepath.Join(p.path(kind, id), recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return found, fmt.Errorf("%s: %w", id, errNotThere)
	}
	if err != nil {
		return found, fmt.Errorf("read record of %s: %w", id, err)
	}
	if err := json.Unmarshal(data, &found); err != nil {
		return found, fmt.Errorf("read record of %s: %w", id, err)
	}
	return found, nil
}

// list returns everything of a kind, in order of IDs.
func (p *pool) list(kind string) ([]record, error) {
	entries, err := os.ReadDir(filepath.Join(p.folder, kind))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", kind, err)
	}
	var all []record
	for _, entry := range entries {
		one, err := p.get(kind, entry.Name())
		if errors.Is(err, errNotThere) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	sort.Slice(all, func(a, b int) bool { return all[a].ID < all[b].ID })
	return all, nil
}

// booked is the sum of the sizes of all volumes in a pool.
func (p *pool) booked(name string) (int64, error) {
	all, err := p.list(volumes)
	if err != nil {
		return 0, err
	}
	sum := int64(0)
	for _, one := range all {
		if one.Pool == name {
			sum += one.Bytes
		}
	}
	return sum, nil
}

// add makes a volume, snapshot or group: fill makes its content, if it has any. It appears complete, or not at all.
func (p *pool) add(kind string, want record, fill func(content string) error) error {
	final := p.path(kind, want.ID)
	folder := final + unfinished
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	if fill != nil {
		if err := fill(filepath.Join(folder, contentName)); err != nil {
			return errors.Join(err, os.RemoveAll(folder))
		}
	}
	if err := writeRecord(folder, want); err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	return os.Rename(folder, final)
}

func (p *pool) update(kind string, changed record) error {
	return writeRecord(p.path(kind, changed.ID), changed)
}

func writeRecord(folder string, content record) error {
	data, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(folder, recordFile)
	if err := os.WriteFile(path+unfinished, data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+unfinished, path)
}

// remove is no error for an ID that nothing has.
func (p *pool) remove(kind, id string) error {
	folder := p.path(kind, id)
	err := os.Rename(folder, folder+unfinished)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(folder + unfinished)
}

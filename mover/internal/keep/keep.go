// Package keep decides which backups of a folder are deleted. It reads and writes nothing.
package keep

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"
)

// Abandoned is how old the newest object of an unfinished backup is when the backup is deleted.
const Abandoned = 48 * time.Hour

// Names of objects in the folder of a backup.
const (
	Index    = "backup.json"
	Manifest = "restore.yaml"
	Pinned   = "pinned"
)

// Object is an object below the folder.
type Object struct {
	// Name below the folder of all backups: the name of the backup, a slash, and the name of the file.
	Name     string
	Modified time.Time
}

// Folder is the folder of one backup.
type Folder struct {
	Name    string
	Objects []Object
	// TakenAt is the time in its index; zero without an index of ours.
	TakenAt time.Time
}

// Has reports whether the folder has a file.
func (f Folder) Has(file string) bool {
	return slices.ContainsFunc(f.Objects, func(object Object) bool { return object.Name == f.Name+"/"+file })
}

// Folders groups objects by the folders that they are in. Objects beside the folders are in none.
func Folders(objects []Object) []Folder {
	var found []Folder
	at := map[string]int{}
	for _, object := range objects {
		name, _, inside := strings.Cut(object.Name, "/")
		if !inside || name == "" {
			continue
		}
		if _, ok := at[name]; !ok {
			at[name] = len(found)
			found = append(found, Folder{Name: name})
		}
		folder := &found[at[name]]
		folder.Objects = append(folder.Objects, object)
	}
	return found
}

// Rules are the retention of a folder of backups; zero for no limit.
type Rules struct {
	Count int
	Age   time.Duration
	// Own is the name of the backup that was just completed, which stays.
	Own string
	Now time.Time
}

// Delete returns the backups that are deleted, the newest first, and after them the unfinished ones.
func (r Rules) Delete(folders []Folder) []Folder {
	var finished, deleted, abandoned []Folder
	for _, folder := range folders {
		switch {
		case folder.Name == r.Own && folder.TakenAt.IsZero():
		case !folder.TakenAt.IsZero():
			finished = append(finished, folder)
		case !folder.Has(Index) && r.isAbandoned(folder):
			abandoned = append(abandoned, folder)
		}
	}
	slices.SortFunc(finished, func(a, b Folder) int {
		return cmp.Or(b.TakenAt.Compare(a.TakenAt), cmp.Compare(b.Name, a.Name))
	})
	count := 0
	for i, folder := range finished {
		if folder.Has(Pinned) {
			continue
		}
		count++
		beyond := r.Count > 0 && count > r.Count
		aged := r.Age > 0 && !folder.TakenAt.Add(r.Age).After(r.Now)
		if i > 0 && folder.Name != r.Own && (beyond || aged) {
			deleted = append(deleted, folder)
		}
	}
	return append(deleted, abandoned...)
}

// isAbandoned reports whether a folder without an index is that of a backup which was given up: it has only files as a
// backup has them, and none is new.
func (r Rules) isAbandoned(folder Folder) bool {
	if folder.Name == r.Own {
		return false
	}
	for _, object := range folder.Objects {
		file := strings.TrimPrefix(object.Name, folder.Name+"/")
		if !isOurs(file) || object.Modified.Add(Abandoned).After(r.Now) {
			return false
		}
	}
	return true
}

// IsOfBackup reports whether an object below the folder of all backups has the name of a file of a backup.
func IsOfBackup(object string) bool {
	folder, file, inside := strings.Cut(object, "/")
	return inside && folder != "" && isOurs(file)
}

func isOurs(file string) bool {
	file = strings.TrimSuffix(file, ".age")
	return !strings.Contains(file, "/") &&
		(file == Manifest || path.Ext(file) == ".qcow2" || strings.HasSuffix(file, ".qcow2.gz"))
}

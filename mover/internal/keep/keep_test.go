package keep

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// finished is a complete backup that was taken some days ago.
func finished(name string, days int, more ...string) Folder {
	at := now.AddDate(0, 0, -days)
	folder := Folder{Name: name, TakenAt: at}
	for _, file := range append([]string{"root.qcow2.gz", Manifest, Index}, more...) {
		folder.Objects = append(folder.Objects, Object{Name: name + "/" + file, Modified: at})
	}
	return folder
}

// partial is a backup without an index.
func partial(name string, age time.Duration, files ...string) Folder {
	folder := Folder{Name: name}
	for _, file := range files {
		folder.Objects = append(folder.Objects, Object{Name: name + "/" + file, Modified: now.Add(-age)})
	}
	return folder
}

func TestWhichBackupsAreDeleted(t *testing.T) {
	const day = 24 * time.Hour
	daily := []Folder{finished("d0", 0), finished("d1", 1), finished("d2", 2), finished("d9", 9)}
	old := func(files ...string) []Folder { return []Folder{finished("d0", 0), partial("half", 90*day, files...)} }
	for name, row := range map[string]struct {
		rules   Rules
		folders []Folder
		deleted string
	}{
		"no limit":         {Rules{}, daily, "[]"},
		"by count":         {Rules{Count: 2}, daily, "[d2 d9]"},
		"by age":           {Rules{Age: 7 * day}, daily, "[d9]"},
		"exactly as old":   {Rules{Age: 9 * day}, daily, "[d9]"},
		"by both":          {Rules{Count: 3, Age: 36 * time.Hour}, daily, "[d2 d9]"},
		"the newest stays": {Rules{Age: time.Hour}, []Folder{finished("d5", 5), finished("d6", 6)}, "[d6]"},
		"its own stays":    {Rules{Count: 1, Own: "d1"}, daily, "[d2 d9]"},
		"pinned ones do not count": {Rules{Count: 2}, []Folder{
			finished("d0", 0), finished("d1", 1, Pinned), finished("d2", 2), finished("d3", 3),
		}, "[d3]"},
		"pinned ones stay": {Rules{Age: 7 * day}, []Folder{finished("d0", 0), finished("d9", 9, Pinned)}, "[]"},
		"a pinned one is the newest": {Rules{Count: 1}, []Folder{
			finished("d0", 0, Pinned), finished("d1", 1), finished("d2", 2),
		}, "[d2]"},
		"foreign ones": {Rules{Count: 1}, old(Index, "root.qcow2.gz"), "[]"},
		"given up": {Rules{Count: 9}, []Folder{
			finished("d0", 0), partial("half", Abandoned, "root.qcow2.gz.age"),
		}, "[half]"},
		"still being written": {Rules{Count: 1}, []Folder{
			finished("d0", 0), partial("half", Abandoned-time.Second, "root.qcow2.gz"),
		}, "[]"},
		"its own, without an index":    {Rules{Count: 1, Own: "half"}, old("root.qcow2.gz"), "[]"},
		"other files":                  {Rules{Count: 1}, old("root.qcow2.gz", "cat.jpg"), "[]"},
		"files in deeper folders":      {Rules{Count: 1}, old("deep/root.qcow2.gz"), "[]"},
		"two of one moment, by name":   {Rules{Count: 1}, []Folder{finished("a", 1), finished("b", 1)}, "[a]"},
		"one that pins what is half":   {Rules{Count: 1}, old("root.qcow2.gz", Pinned), "[]"},
		"a manifest that is encrypted": {Rules{Count: 1}, old("restore.yaml.age"), "[half]"},
	} {
		t.Run(name, func(t *testing.T) {
			row.rules.Now = now
			names := []string{}
			for _, folder := range row.rules.Delete(row.folders) {
				names = append(names, folder.Name)
			}
			assert.Equal(t, row.deleted, fmt.Sprint(names))
		})
	}
}

func TestFolders(t *testing.T) {
	found := Folders([]Object{{Name: "a/x"}, {Name: "README"}, {Name: "b/y"}, {Name: "a/deep/z"}, {Name: "/odd"}})
	assert.Len(t, found, 2)
	assert.Equal(t, Folder{Name: "a", Objects: []Object{{Name: "a/x"}, {Name: "a/deep/z"}}}, found[0])
	assert.True(t, found[1].Has("y"))
	assert.False(t, found[1].Has("x"))
}

package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// entry is what the manifest knows of one file. Size and modification time make the usual check cheap; the sum is what
// counts.
type entry struct {
	Type     fs.FileMode `json:"type"`
	Size     int64       `json:"size,omitempty"`
	Modified int64       `json:"modified,omitempty"`
	SHA256   string      `json:"sha256,omitempty"`
	Target   string      `json:"target,omitempty"`
}

// manifest lists the files of a cached folder by their path inside it.
type manifest map[string]entry

func scan(folder string) (manifest, error) {
	found := manifest{}
	err := filepath.WalkDir(folder, func(path string, item fs.DirEntry, err error) error {
		if err != nil || path == folder {
			return err
		}
		relative, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		info, err := item.Info()
		if err != nil {
			return err
		}
		one := entry{Type: info.Mode().Type()}
		switch {
		case info.Mode().IsRegular():
			one.Size, one.Modified = info.Size(), info.ModTime().UnixNano()
		case one.Type == fs.ModeSymlink:
			if one.Target, err = os.Readlink(path); err != nil {
				return err
			}
		}
		found[relative] = one
		return nil
	})
	return found, err
}

// writeManifest sums every file of the folder.
func writeManifest(folder, path string) error {
	found, err := scan(folder)
	if err != nil {
		return err
	}
	for name, one := range found {
		if one.Type.IsRegular() {
			if one.SHA256, err = sum(filepath.Join(folder, name)); err != nil {
				return err
			}
			found[name] = one
		}
	}
	return found.save(path)
}

func (m manifest) save(path string) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// verify checks the folder against its manifest and returns an error that names the first difference. Files whose size
// and modification time are as recorded are taken as unchanged, the others are summed; the manifest is then brought up
// to date.
func verify(folder, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	recorded := manifest{}
	if err := json.Unmarshal(data, &recorded); err != nil {
		return fmt.Errorf("read manifest %s: %w", path, err)
	}
	found, err := scan(folder)
	if err != nil {
		return err
	}
	touched := false
	for name, want := range recorded {
		got, exists := found[name]
		if !exists {
			return fmt.Errorf("%s is missing", name)
		}
		changed, err := compare(filepath.Join(folder, name), want, got)
		if err != nil {
			return err
		}
		if changed {
			want.Modified, touched = got.Modified, true
			recorded[name] = want
		}
	}
	for name := range found {
		if _, known := recorded[name]; !known {
			return fmt.Errorf("%s does not belong here", name)
		}
	}
	if touched {
		return recorded.save(path)
	}
	return nil
}

// compare returns true when only the modification time differs, and an error when the content does.
func compare(path string, want, got entry) (bool, error) {
	if want.Type != got.Type || want.Target != got.Target || want.Size != got.Size {
		return false, fmt.Errorf("%s is not what was built", path)
	}
	if want.Modified == got.Modified {
		return false, nil
	}
	actual, err := sum(path)
	if err != nil {
		return false, err
	}
	if actual != want.SHA256 {
		return false, fmt.Errorf("%s has the sum %s, %s was built", path, actual, want.SHA256)
	}
	return true, nil
}

func sum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return "", fmt.Errorf("sum %s: %w", path, err)
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

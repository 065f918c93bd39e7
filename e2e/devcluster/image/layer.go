package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// capabilityAttribute is the PAX record of a file's capabilities, as every container runtime writes and reads it.
const (
	attributePrefix     = "SCHILY.xattr."
	capabilityAttribute = "security.capability"
)

// tarFiles writes the files and the folders above them, in order of their paths.
func tarFiles(out io.Writer, files map[string]File) error {
	writer := tar.NewWriter(out)
	folders := map[string]bool{}
	for _, destination := range sortedKeys(files) {
		file := files[destination]
		name := strings.TrimPrefix(path.Clean("/"+destination), "/")
		if err := tarParents(writer, name, folders); err != nil {
			return err
		}
		if err := tarOneFile(writer, name, file); err != nil {
			return fmt.Errorf("add %s as %s: %w", file.Source, destination, err)
		}
	}
	return writer.Close()
}

func tarParents(writer *tar.Writer, name string, written map[string]bool) error {
	parts := strings.Split(path.Dir(name), "/")
	for depth := range parts {
		folder := strings.Join(parts[:depth+1], "/")
		if folder == "." || written[folder] {
			continue
		}
		written[folder] = true
		mode := int64(0o755)
		if folder == "tmp" {
			mode = 0o1777
		}
		header := &tar.Header{
			Typeflag: tar.TypeDir, Name: folder + "/", Mode: mode, ModTime: epoch, Format: tar.FormatPAX,
		}
		if err := writer.WriteHeader(header); err != nil {
			return err
		}
	}
	return nil
}

func tarOneFile(writer *tar.Writer, name string, file File) error {
	source, err := os.Open(file.Source)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	mode := file.Mode
	if mode == 0 {
		mode = info.Mode()
	}
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: info.Size(), Mode: int64(mode.Perm()), ModTime: epoch,
		Format: tar.FormatPAX,
	}
	if len(file.Capabilities) > 0 {
		header.PAXRecords = map[string]string{attributePrefix + capabilityAttribute: string(file.Capabilities)}
	}
	if err := writer.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(writer, source)
	return err
}

func tarFolderTo(layer, root string) error {
	out, err := os.Create(layer)
	if err != nil {
		return err
	}
	return errors.Join(tarFolder(out, root), out.Close())
}

// tarFolder writes everything below root, in order of paths, with owners, modes, links, devices and extended
// attributes.
func tarFolder(out io.Writer, root string) error {
	writer := tar.NewWriter(out)
	seen := map[uint64]string{}
	err := filepath.WalkDir(root, func(name string, item fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if err := tarEntry(writer, name, relative, item, seen); err != nil {
			return fmt.Errorf("add %s: %w", name, err)
		}
		return nil
	})
	return errors.Join(err, writer.Close())
}

func tarEntry(writer *tar.Writer, name, relative string, item fs.DirEntry, seen map[uint64]string) error {
	info, err := item.Info()
	if err != nil {
		return err
	}
	if info.Mode().Type() == fs.ModeSocket {
		return nil // a socket is the trace of a process that ran while the folder was made
	}
	target := ""
	if info.Mode().Type() == fs.ModeSymlink {
		if target, err = os.Readlink(name); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	header.Name = relative
	if info.IsDir() {
		header.Name += "/"
	}
	header.Uname, header.Gname, header.Format = "", "", tar.FormatPAX
	header.ModTime, header.AccessTime, header.ChangeTime = epoch, time.Time{}, time.Time{}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().IsRegular() && stat.Nlink > 1 {
		if first, known := seen[stat.Ino]; known {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, first, 0
		} else {
			seen[stat.Ino] = relative
		}
	}
	if header.PAXRecords, err = attributes(name); err != nil {
		return err
	}
	if err := writer.WriteHeader(header); err != nil {
		return err
	}
	if header.Typeflag != tar.TypeReg {
		return nil
	}
	source, err := os.Open(name)
	if err != nil {
		return err
	}
	defer source.Close()
	_, err = io.Copy(writer, source)
	return err
}

// attributes returns a file's extended attributes as PAX records.
func attributes(name string) (map[string]string, error) {
	size, err := unix.Llistxattr(name, nil)
	if errors.Is(err, unix.ENOTSUP) || size == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list extended attributes: %w", err)
	}
	names := make([]byte, size)
	if size, err = unix.Llistxattr(name, names); err != nil {
		return nil, fmt.Errorf("list extended attributes: %w", err)
	}
	records := map[string]string{}
	for _, attribute := range strings.Split(strings.TrimRight(string(names[:size]), "\x00"), "\x00") {
		value := make([]byte, 64<<10)
		length, err := unix.Lgetxattr(name, attribute, value)
		if err != nil {
			return nil, fmt.Errorf("read extended attribute %s: %w", attribute, err)
		}
		records[attributePrefix+attribute] = string(value[:length])
	}
	return records, nil
}

func sortedKeys[Value any](from map[string]Value) []string {
	keys := make([]string, 0, len(from))
	for key := range from {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

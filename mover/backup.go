package mover

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/mover/internal/keep"
)

// Files of a backup, below ManifestPath and in the bucket.
const (
	// ManifestFile restores the backup when it is applied to a cluster.
	ManifestFile = keep.Manifest
	// IndexFile describes the backup. It is written last: a folder without it is not complete.
	IndexFile = keep.Index
	// EncryptedSuffix is what the name of an encrypted file adds.
	EncryptedSuffix = ".age"
	// IndexVersion is the version of Index.
	IndexVersion = "wukong-backup/v1"
)

// Index is the content of IndexFile, which is never encrypted.
type Index struct {
	// Version is IndexVersion.
	Version string `json:"version"`
	// Name of the WukongBackup and of its folder, and the namespace of the WukongBackup.
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Source is the kind and the name of what was copied, such as WukongVM/web.
	Source string `json:"source"`
	// TakenAt is the point in time of the snapshot.
	TakenAt time.Time `json:"takenAt"`
	// Consistency of the snapshot: Application, Crash or Any.
	Consistency string `json:"consistency,omitempty"`
	// Encrypted: the disks and the manifest are encrypted by age.
	Encrypted bool `json:"encrypted"`
	// Manifest is the name of the file with the manifest.
	Manifest string      `json:"manifest"`
	Disks    []IndexDisk `json:"disks"`
}

// IndexDisk is a disk of a backup.
type IndexDisk struct {
	// Name of the disk in spec.disks of the WukongVM, or of the WukongDisk.
	Name string `json:"name"`
	// File is the name of the file, SizeBytes its size, and Checksum its checksum as sha256:<hex>.
	File      string `json:"file"`
	SizeBytes int64  `json:"sizeBytes"`
	Checksum  string `json:"checksum"`
}

// maxIndex bounds what is read of an index in the bucket, in bytes.
const maxIndex = 1 << 20

// completeBackup writes the manifest and then the index of a backup, and deletes old backups. What prevents that is no
// failure of the backup.
func (o Options) completeBackup(ctx context.Context, track *tracker) error {
	folder, err := o.s3()
	if err != nil {
		return err
	}
	manifest, name, err := o.readManifest(folder)
	if err != nil {
		return err
	}
	index, err := os.ReadFile(filepath.Join(o.manifest, IndexFile))
	if err != nil {
		return err
	}
	if err := folder.put(ctx, name, manifest); err != nil {
		return err
	}
	if err := folder.put(ctx, IndexFile, index); err != nil {
		return err
	}
	deleted, err := o.applyRetention(ctx, folder.bucket)
	sum := sha256.New()
	sum.Write(manifest)
	track.update(func() {
		track.report = Report{
			Percent: 100, SizeBytes: int64(len(manifest)), Checksum: digest(sum), Deleted: deleted,
			Location: folder.url + "/" + name,
		}
		if err != nil {
			track.report.Warning = cut(explain(folder.place(), err).Error(), maxWarning)
		}
	})
	return nil
}

// readManifest returns the manifest as it is written, and the name of the object.
func (o Options) readManifest(folder *s3Target) ([]byte, string, error) {
	content, err := os.ReadFile(filepath.Join(o.manifest, ManifestFile))
	if err != nil || len(folder.recipients) == 0 {
		return content, ManifestFile, err
	}
	reader := encrypted(io.NopCloser(bytes.NewReader(content)), folder.recipients)
	defer reader.Close()
	content, err = io.ReadAll(reader)
	return content, ManifestFile + EncryptedSuffix, err
}

// put writes a small object in the folder.
func (b *bucket) put(ctx context.Context, name string, content []byte) error {
	_, err := b.core.Client.PutObject(ctx, b.name, b.key+"/"+name, bytes.NewReader(content), int64(len(content)),
		minio.PutObjectOptions{ContentType: "application/octet-stream"})
	if err != nil {
		return explain(b.place(), err)
	}
	return nil
}

// applyRetention deletes old backups beside a backup, and returns how many.
func (o Options) applyRetention(ctx context.Context, own *bucket) (int, error) {
	if o.KeepCount <= 0 && o.KeepAge <= 0 {
		return 0, nil
	}
	parent := path.Dir(own.key) + "/"
	if parent == "./" {
		parent = "" // the folder of the backup is in the root of the bucket
	}
	folders, err := own.folders(ctx, parent)
	if err != nil {
		return 0, err
	}
	rules := keep.Rules{Count: o.KeepCount, Age: o.KeepAge, Own: path.Base(own.key), Now: time.Now()}
	deleted, failed := 0, own.abortUploads(ctx, parent, rules.Now.Add(-keep.Abandoned))
	for _, folder := range rules.Delete(folders) {
		if err := own.delete(ctx, parent, folder); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		deleted++
	}
	return deleted, failed
}

// folders lists the backups below a prefix.
func (b *bucket) folders(ctx context.Context, prefix string) ([]keep.Folder, error) {
	var objects []keep.Object
	listing, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing when this function returns early
	for object := range b.core.Client.ListObjects(listing, b.name,
		minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if object.Err != nil {
			return nil, object.Err
		}
		objects = append(objects, keep.Object{
			Name: strings.TrimPrefix(object.Key, prefix), Modified: object.LastModified,
		})
	}
	found := keep.Folders(objects)
	for i := range found {
		if !found[i].Has(IndexFile) {
			continue
		}
		takenAt, err := b.readIndex(ctx, prefix, found[i].Name)
		if err != nil {
			return nil, err
		}
		found[i].TakenAt = takenAt
	}
	return found, nil
}

// readIndex returns when a backup was taken; zero for an index that is none of ours.
func (b *bucket) readIndex(ctx context.Context, prefix, name string) (time.Time, error) {
	object, err := b.core.Client.GetObject(ctx, b.name, prefix+name+"/"+IndexFile, minio.GetObjectOptions{})
	if err != nil {
		return time.Time{}, err
	}
	defer object.Close()
	content, err := io.ReadAll(io.LimitReader(object, maxIndex))
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return time.Time{}, nil // somebody else deletes that backup
	}
	if err != nil {
		return time.Time{}, err
	}
	index := Index{}
	if json.Unmarshal(content, &index) != nil || index.Version != IndexVersion || index.Name != name {
		return time.Time{}, nil
	}
	return index.TakenAt, nil
}

// delete deletes the objects of a backup that were listed, and its index first: what is left after a failure is an
// unfinished backup, which is deleted later.
func (b *bucket) delete(ctx context.Context, prefix string, folder keep.Folder) error {
	var names []string
	for _, object := range folder.Objects {
		if object.Name == folder.Name+"/"+IndexFile {
			names = append([]string{object.Name}, names...)
		} else {
			names = append(names, object.Name)
		}
	}
	for _, name := range names {
		if err := b.core.RemoveObject(ctx, b.name, prefix+name, minio.RemoveObjectOptions{}); err != nil {
			return &failure{v1alpha1.ReasonTransferFailed, "the old backup " + folder.Name + " cannot be deleted", err}
		}
	}
	return nil
}

// abortUploads aborts uploads of backups that were begun before a time and never completed: their parts are stored, and
// paid for. That is not possible on every server, and not permitted to everyone: then a rule of the bucket has to.
func (b *bucket) abortUploads(ctx context.Context, prefix string, before time.Time) (failed error) {
	listing, cancel := context.WithCancel(ctx)
	defer cancel()
	for upload := range b.core.ListIncompleteUploads(listing, b.name, prefix, true) {
		if upload.Err != nil {
			return errors.Join(failed, unlessImpossible(upload.Err))
		}
		if upload.Initiated.Before(before) && keep.IsOfBackup(strings.TrimPrefix(upload.Key, prefix)) {
			err := b.core.AbortMultipartUpload(ctx, b.name, upload.Key, upload.UploadID)
			failed = errors.Join(failed, unlessImpossible(err))
		}
	}
	return failed
}

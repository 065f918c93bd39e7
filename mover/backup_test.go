package mover

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// indexOf is the index of a backup that was taken some time ago.
func indexOf(t *testing.T, name string, ago time.Duration) []byte {
	t.Helper()
	content, err := json.Marshal(Index{Version: IndexVersion, Name: name, TakenAt: time.Now().Add(-ago)})
	require.NoError(t, err)
	return content
}

// completing are the options that complete the backup web-3 of a folder.
func completing(t *testing.T, bucket *testBucket) Options {
	t.Helper()
	options, _ := workplace(t, s3Credentials())
	options.Target, options.Region, options.Location = TargetBackup, "us-east-1", bucket.location("shop/web/web-3")
	options.manifest = t.TempDir()
	for name, content := range map[string][]byte{
		ManifestFile: []byte("kind: WukongVM\n"), IndexFile: indexOf(t, "web-3", 0),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(options.manifest, name), content, 0o600))
	}
	return options
}

func TestBackup(t *testing.T) {
	bucket := newTestBucket(t)
	options := completing(t, bucket)
	require.NoError(t, options.Run(t.Context()))
	assert.Equal(t, []string{"shop/web/web-3/restore.yaml", "shop/web/web-3/backup.json"}, bucket.order,
		"the index is last: it makes the backup complete")
	assert.Equal(t, "kind: WukongVM\n", string(bucket.objects["shop/web/web-3/restore.yaml"]))
	report := last(t, options)
	assert.Equal(t, bucket.location("shop/web/web-3/restore.yaml"), report.Location)
	assert.Empty(t, report.Warning)
}

func TestTheManifestOfAnEncryptedBackupIsEncrypted(t *testing.T) {
	bucket, identity := newTestBucket(t), newIdentity(t)
	options := completing(t, bucket)
	keyed(t, &options, map[string]string{RecipientFile: identity.Recipient().String()})
	require.NoError(t, options.Run(t.Context()))
	assert.Equal(t, []string{"shop/web/web-3/backup.json", "shop/web/web-3/restore.yaml.age"}, bucket.keys())
	reader, err := age.Decrypt(bytes.NewReader(bucket.objects["shop/web/web-3/restore.yaml.age"]), identity)
	require.NoError(t, err)
	content, err := io.ReadAll(reader)
	require.NoError(t, err)
	assert.Equal(t, "kind: WukongVM\n", string(content))
	assert.Equal(t, bucket.location("shop/web/web-3/restore.yaml.age"), last(t, options).Location)
}

// filled is a bucket with older backups, and with much that is none.
func filled(t *testing.T) *testBucket {
	t.Helper()
	bucket := newTestBucket(t)
	for name, ago := range map[string]time.Duration{"web-1": 72 * time.Hour, "web-2": 48 * time.Hour} {
		bucket.put("shop/web/"+name+"/root.qcow2.gz", []byte("bytes"), ago)
		bucket.put("shop/web/"+name+"/restore.yaml", []byte("manifest"), ago)
		bucket.put("shop/web/"+name+"/backup.json", indexOf(t, name, ago), ago)
	}
	bucket.put("shop/web/web-0/root.qcow2.gz", []byte("given up"), 96*time.Hour)
	bucket.put("shop/web/foreign/backup.json", []byte(`{"version":"other/v1","name":"foreign"}`), 999*time.Hour)
	bucket.put("shop/web/copied/backup.json", indexOf(t, "web-1", 999*time.Hour), 999*time.Hour)
	bucket.put("shop/web/photos/cat.jpg", []byte("cat"), 999*time.Hour)
	bucket.put("shop/web/README", []byte("beside"), 999*time.Hour)
	bucket.put("shop/other/old/backup.json", indexOf(t, "old", 999*time.Hour), 999*time.Hour)
	bucket.put("shop/web-server/old/backup.json", indexOf(t, "old", 999*time.Hour), 999*time.Hour)
	return bucket
}

func TestRetentionOfAFolder(t *testing.T) {
	bucket := filled(t)
	bucket.uploads["old"] = &testUpload{key: "shop/web/web-0/data.qcow2.gz", begun: time.Now().Add(-96 * time.Hour)}
	bucket.uploads["new"] = &testUpload{key: "shop/web/web-4/data.qcow2.gz", begun: time.Now()}
	bucket.uploads["other"] = &testUpload{key: "shop/other/x/data.qcow2.gz", begun: time.Now().Add(-96 * time.Hour)}
	bucket.uploads["film"] = &testUpload{key: "shop/web/films/cat.mp4", begun: time.Now().Add(-96 * time.Hour)}
	before := bucket.keys()
	options := completing(t, bucket)
	options.KeepCount = 2
	require.NoError(t, options.Run(t.Context()))
	report := last(t, options)
	assert.Empty(t, report.Warning)
	assert.Equal(t, 2, report.Deleted, "the oldest one, and the one that was given up")
	expected := append(slices.DeleteFunc(before, func(key string) bool {
		return strings.HasPrefix(key, "shop/web/web-1/") || strings.HasPrefix(key, "shop/web/web-0/")
	}), "shop/web/web-3/backup.json", "shop/web/web-3/restore.yaml")
	slices.Sort(expected)
	assert.Equal(t, expected, bucket.keys(), "nothing else is touched")
	assert.NotContains(t, bucket.uploads, "old")
	assert.Contains(t, bucket.uploads, "new")
	assert.Contains(t, bucket.uploads, "other")
	assert.Contains(t, bucket.uploads, "film")
}

func TestWithoutRetentionNothingIsDeleted(t *testing.T) {
	bucket := filled(t)
	before := len(bucket.keys())
	bucket.refuses = func(method, key string) bool { return key == "" || method == http.MethodDelete }
	options := completing(t, bucket)
	require.NoError(t, options.Run(t.Context()), "a right to list or delete is not needed")
	assert.Len(t, bucket.keys(), before+2)
	assert.Empty(t, last(t, options).Warning)
}

// A bucket that keeps its objects for some time refuses deletions. The backup is complete all the same.
func TestARetentionThatIsRefused(t *testing.T) {
	bucket := filled(t)
	bucket.refuses = func(method, key string) bool {
		return method == http.MethodDelete && strings.HasPrefix(key, "shop/web/web-1/")
	}
	options := completing(t, bucket)
	options.KeepAge = time.Hour
	require.NoError(t, options.Run(t.Context()))
	report := last(t, options)
	assert.Contains(t, report.Warning, "the old backup web-1 cannot be deleted")
	assert.Equal(t, 2, report.Deleted, "the others are deleted")
	assert.Contains(t, bucket.keys(), "shop/web/web-1/backup.json")
	assert.NotContains(t, bucket.keys(), "shop/web/web-2/backup.json")
}

// A report fits into what kubelet keeps, whatever it contains.
func TestALongReport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	long := strings.Repeat("\x01", 3000)
	require.NoError(t, writeTermination(path, Report{Warning: long, Location: long}, nil))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(text), maxMessage)
	require.NoError(t, writeTermination(path, Report{Warning: strings.Repeat("é", 400)}, errors.New(long)))
	text, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(text), maxMessage)
	report, err := ParseReport(text)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(report.Warning), maxWarning)
}

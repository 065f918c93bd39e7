package harness

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// The golden image of the tiny guest, from which most machines of tests start: the storage clones it, which costs less
// than an import. It stays when a suite has ended, for the next one.
const (
	goldenNamespace = "e2e-golden"
	// TinySize is how large the disks of tiny guests are.
	TinySize = "64Mi"
)

// goldenTiny is the name of the golden image, with the beginning of the checksum of what the dev cluster serves: a
// guest that was built again is another image.
var goldenTiny string

// FromTiny fills a disk with the tiny guest.
func FromTiny() builder.DiskOption { return builder.FromImage(goldenNamespace, goldenTiny) }

// TinyDisk adds a disk with the tiny guest, which the machine stamps.
func TinyDisk(name string, options ...builder.DiskOption) builder.VMOption {
	return builder.Stamped(name, append([]builder.DiskOption{builder.Size(TinySize), FromTiny()}, options...)...)
}

// golden makes the golden image, unless it is there, and waits for it.
func (c *Cluster) golden(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, Scaled(ImportAndBoot))
	defer cancel()
	start := time.Now()
	served, err := os.ReadFile(testbed.Here().ImageFile(testbed.TinyImage))
	if err != nil {
		return fmt.Errorf("make the golden image: %w", err)
	}
	sum := sha256.Sum256(served)
	goldenTiny = "tiny-" + hex.EncodeToString(sum[:4])
	image := builder.Image(goldenNamespace, goldenTiny, builder.ImageHTTP(testbed.ImageURL(testbed.TinyImage)),
		builder.ImageSize(TinySize), builder.ImageCloneableFrom("*"))
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: goldenNamespace}}, image,
	} {
		if err := c.Create(ctx, object); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("make the golden image: %w", err)
		}
	}
	err = wait.PollUntilContextCancel(ctx, interval, true, func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(image), image)
		return err == nil && meta.IsStatusConditionTrue(image.Status.Conditions, v1alpha1.ConditionReady), nil
	})
	if err != nil {
		return fmt.Errorf("the golden image is not there after %s: %w: %+v", told(ImportAndBoot), err,
			image.Status.Conditions)
	}
	record(event{Event: "wait", Cause: CauseImport, Seconds: time.Since(start).Seconds()})
	return nil
}

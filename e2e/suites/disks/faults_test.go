//go:build e2e

package disks

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// restartPeriod is how long kubelet waits at most before it starts a failed container again, on the dev cluster.
// Elsewhere it is five minutes.
const restartPeriod = 10 * time.Second

// fault is an import that does not work, what is said of it, and what a person does about it; nil for nothing, when it
// heals by itself.
type fault struct {
	name, text string
	source     v1alpha1.HTTPSource
	mend       func(t *testing.T)
	hopeless   bool
	// unstarted: the importer did not come to start, so that nothing starts again.
	unstarted bool
}

// TestImportFaultsInPlainWords: each is told on the disk and on its machine in the importer's own words, is tried again
// in measure, and heals when its cause is gone, without a touch of the disk or the machine. What cannot heal is deleted
// and leaves nothing.
func TestImportFaultsInPlainWords(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	password := builder.Secret(namespace, "images", map[string]string{"accessKeyId": "alice", "secretKey": "wrong"})
	authority := builder.ConfigMap(namespace, "authority", map[string]string{"ca.crt": strangeAuthority(t)})
	cluster.Make(t, password, authority)
	faults := []fault{
		{name: "truncated", text: "unexpected EOF", hopeless: true,
			source: v1alpha1.HTTPSource{URL: testbed.TruncatedImageURL(testbed.TinyImage)}},
		{name: "corrupt", text: "qemu-img", hopeless: true,
			source: v1alpha1.HTTPSource{URL: testbed.CorruptImageURL(testbed.TinyImage)}},
		{name: "broken-off", text: "unexpected EOF",
			source: v1alpha1.HTTPSource{URL: testbed.FlakyImageURL(8, namespace, testbed.TinyImage)}},
		{name: "bad-secret", text: "401", source: v1alpha1.HTTPSource{
			URL:       testbed.GuardedImageURL("alice", "secret", testbed.TinyImage),
			SecretRef: &v1alpha1.LocalObjectReference{Name: "images"},
		}, mend: func(t *testing.T) {
			change(t, password, func(secret *corev1.Secret) {
				secret.StringData = map[string]string{"secretKey": "secret"}
			})
		}},
		{name: "wrong-authority", text: "CA certificate in certConfigMapRef", source: v1alpha1.HTTPSource{
			URL:              testbed.SecureImageURL(testbed.TinyImage),
			CertConfigMapRef: &v1alpha1.LocalObjectReference{Name: "authority"},
		}, mend: func(t *testing.T) {
			right := imageAuthority(t)
			change(t, authority, func(bundle *corev1.ConfigMap) { bundle.Data["ca.crt"] = right })
		}},
		{name: "no-authority", text: `configmap "forgotten" not found`, unstarted: true, source: v1alpha1.HTTPSource{
			URL:              testbed.SecureImageURL(testbed.TinyImage),
			CertConfigMapRef: &v1alpha1.LocalObjectReference{Name: "forgotten"},
		}, mend: func(t *testing.T) {
			cluster.Make(t, &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "forgotten"},
				Data:       map[string]string{"ca.crt": imageAuthority(t)},
			})
		}},
	}
	began := time.Now()
	machines := map[string]*v1alpha1.WukongVM{}
	for _, fault := range faults {
		machines[fault.name] = importing(namespace, fault.name, fault.source)
		cluster.Make(t, machines[fault.name])
	}
	for _, fault := range faults {
		vm := machines[fault.name]
		disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: vm.Name + "-root"}}
		t.Run(fault.name, func(t *testing.T) {
			if fault.mend != nil || fault.hopeless {
				told := cluster.WaitCause(t, disk, v1alpha1.ReasonImportFailed, fault.text, patience)
				t.Logf("after %s: %s", time.Since(began).Round(time.Second), told.Message)
				assert.Contains(t, told.Message, "it is retried")
				cluster.WaitCause(t, vm, v1alpha1.ReasonWaitingForDisk, fault.text, patience)
			}
			if fault.hopeless {
				cluster.Wait(t, disk, patience, "tried again", func() bool { return disk.Status.ImportRestarts > 1 })
			} else {
				if fault.mend != nil {
					fault.mend(t)
				} else {
					// It may have healed by now. What was said of it is in its events.
					waitEvent(t, disk, v1alpha1.ReasonImportFailed, fault.text)
				}
				mended := time.Now()
				cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
				t.Logf("runs %s after it was mended", time.Since(mended).Round(time.Second))
				require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(disk), disk))
				assert.Equal(t, fault.unstarted, disk.Status.ImportRestarts == 0)
			}
			assert.LessOrEqual(t, disk.Status.ImportRestarts, int32(time.Since(began)/restartPeriod)+2,
				"an importer that fails is started in measure")
			require.NoError(t, cluster.Delete(t.Context(), vm))
		})
	}
	cluster.NothingLeft(t, namespace, patience)
}

// waitEvent waits until an object has an event with the reason and the text.
func waitEvent(t *testing.T, object client.Object, reason, text string) {
	t.Helper()
	harness.Until(t, harness.CauseOther, patience,
		fmt.Sprintf("%s has an event %s with %q", object.GetName(), reason, text), func(ctx context.Context) string {
			events := &corev1.EventList{}
			if err := cluster.List(ctx, events, client.InNamespace(object.GetNamespace())); err != nil {
				return err.Error()
			}
			if !slices.ContainsFunc(events.Items, func(event corev1.Event) bool {
				return event.InvolvedObject.Name == object.GetName() && event.Reason == reason &&
					strings.Contains(event.Message, text)
			}) {
				return "it has none"
			}
			return ""
		})
}

// importing is a small machine whose boot disk comes from a web server.
func importing(namespace, name string, source v1alpha1.HTTPSource) *v1alpha1.WukongVM {
	return builder.VM(namespace, name,
		builder.Stamped("root", builder.Size(harness.TinySize), builder.From(v1alpha1.WukongDiskSource{HTTP: &source})))
}

// strangeAuthority is the certificate of an authority that signed nothing.
func strangeAuthority(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// imageAuthority is the authority of the image server.
func imageAuthority(t *testing.T) string {
	t.Helper()
	clientset, err := kubernetes.NewForConfig(cluster.Config)
	require.NoError(t, err)
	certificate, err := testbed.ImageAuthority(t.Context(), clientset)
	require.NoError(t, err)
	return string(certificate)
}

// Faults D.1 and D.2: what the namespace has no room for, or does not allow, is told of claims that nobody sees, and
// heals by itself.
func TestWhatANamespaceDoesNotAllowIsTold(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace, capped := cluster.Namespace(t), cluster.Namespace(t)
	room := func(size string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceRequestsStorage: resource.MustParse(size)}
	}
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "quota"},
		Spec: corev1.ResourceQuotaSpec{Hard: room("100Mi")}}
	limits := &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Namespace: capped, Name: "limits"},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type: corev1.LimitTypePersistentVolumeClaim,
			Max:  corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
		}}}}
	imported := builder.Disk(namespace, "imported", builder.Size("64Mi"),
		builder.FromHTTP(testbed.ImageURL(testbed.TinyImage)))
	large := builder.Disk(capped, "large", builder.Size("2Gi"))
	cluster.Make(t, quota, limits, imported, large)
	cluster.WaitCause(t, imported, v1alpha1.ReasonQuotaExceeded, "limited: requests.storage=100Mi", patience)
	assert.Equal(t, v1alpha1.DiskError, imported.Status.Phase)
	cluster.WaitCause(t, large, v1alpha1.ReasonClaimPending,
		"a LimitRange of the namespace refuses the claim", patience)
	assert.Equal(t, v1alpha1.DiskError, large.Status.Phase)

	change(t, quota, func(quota *corev1.ResourceQuota) { quota.Spec.Hard = room("1Gi") })
	require.NoError(t, cluster.Delete(t.Context(), limits))
	waitDisk(t, imported)
	waitDisk(t, large)
}

// A pool without room is told in the provisioner's own words, and the disk goes on when there is room.
func TestAFullPoolIsToldAndHeals(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	cluster.Class(t, namespace, testbed.PoolParameters(namespace, "100Mi"))
	first, second := builder.Disk(namespace, "first", builder.Size("64Mi")),
		builder.Disk(namespace, "second", builder.Size("64Mi"))
	first.Spec.StorageClassName, second.Spec.StorageClassName = &namespace, &namespace
	cluster.Make(t, first)
	waitDisk(t, first)
	copied := builder.Disk(namespace, "copied", builder.Size("64Mi"), builder.CloneOf("", "first"))
	copied.Spec.StorageClassName = &namespace
	vm := tinyVM(namespace, "web")
	vm.Spec.Disks = append(vm.Spec.Disks, builder.DiskReference("second", "second"))
	cluster.Make(t, second, copied, vm)
	for _, disk := range []*v1alpha1.WukongDisk{second, copied} {
		told := cluster.WaitCause(t, disk, v1alpha1.ReasonProvisioningFailed, "pool "+namespace+" is full", patience)
		t.Log(told.Message)
		assert.Equal(t, v1alpha1.DiskError, disk.Status.Phase)
	}
	cluster.WaitCause(t, vm, v1alpha1.ReasonWaitingForDisk, "pool "+namespace+" is full", patience)

	for _, disk := range []client.Object{copied, first} {
		require.NoError(t, cluster.Delete(t.Context(), disk))
	}
	waitDisk(t, second)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	require.NoError(t, cluster.Delete(t.Context(), vm))
	require.NoError(t, cluster.Delete(t.Context(), second))
	cluster.NothingLeft(t, namespace, patience)
}

// A disk that cannot grow says so, and works on as it is.
func TestGrowthThatTheClassDoesNotAllow(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	disk := builder.Disk(cluster.Namespace(t), "fixed", builder.Size("64Mi"))
	disk.Spec.StorageClassName = ptr.To(testbed.FixedClass)
	cluster.Make(t, disk)
	cluster.WaitReady(t, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, patience)
	before := disk.Status.Capacity.String()
	setSize := func(size string) {
		change(t, disk, func(disk *v1alpha1.WukongDisk) { disk.Spec.Size = ptr.To(resource.MustParse(size)) })
	}
	setSize("128Mi")
	cluster.WaitCause(t, disk, v1alpha1.ReasonExpansionUnsupported,
		"StorageClass "+testbed.FixedClass+" does not allow expansion", patience)
	assert.Equal(t, before, disk.Status.Capacity.String())
	setSize("64Mi")
	cluster.WaitReady(t, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, patience)
}

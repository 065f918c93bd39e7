package wukongexport

import (
	"testing"

	"github.com/stretchr/testify/assert"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestWhichDiskOfAMachineIsAskedFor(t *testing.T) {
	disks := []v1alpha1.VMDisk{{Name: "root"}, {Name: "data"}, {Name: "drive", Type: v1alpha1.DiskTypeCDROM}}
	tests := map[string]struct {
		disks         []v1alpha1.VMDisk
		name          string
		reason, words string
	}{
		"several":          {disks, "", v1alpha1.ReasonInvalidSpec, "has the disks root, data, and an export holds one"},
		"another name":     {disks, "other", v1alpha1.ReasonSourceMissing, "has no disk other in spec.disks: make an export of one that it has: root, data"},
		"an empty drive":   {disks, "drive", v1alpha1.ReasonSourceMissing, "the drive drive of WukongVM web is empty"},
		"a machine of air": {disks[2:], "", v1alpha1.ReasonSourceMissing, "has nothing but drives in spec.disks"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: v1alpha1.WukongVMSpec{Disks: test.disks}}
			found := diskMissing(&v1alpha1.WukongExport{Spec: v1alpha1.WukongExportSpec{
				Source: v1alpha1.ExportSource{VM: &v1alpha1.ExportVMSource{Name: "web", Disk: test.name}},
			}}, &observation{vm: vm})
			assert.Equal(t, test.reason, found.Reason)
			assert.Contains(t, found.Message, test.words)
		})
	}
}

func TestFileName(t *testing.T) {
	tests := map[string]struct {
		format      v1alpha1.ExportFormat
		compression v1alpha1.ExportCompression
		registry    bool
		expected    string
	}{
		"qcow2":                      {v1alpha1.ExportQCOW2, v1alpha1.ExportUncompressed, false, "web.qcow2"},
		"raw":                        {v1alpha1.ExportRaw, v1alpha1.ExportUncompressed, false, "web.img"},
		"compressed":                 {v1alpha1.ExportRaw, v1alpha1.ExportGzip, false, "web.img.gz"},
		"an image's layer, not file": {v1alpha1.ExportQCOW2, v1alpha1.ExportGzip, true, "web.qcow2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			export := &v1alpha1.WukongExport{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
			export.Spec.Format, export.Spec.Compression = test.format, test.compression
			if test.registry {
				export.Spec.Target.Registry = &v1alpha1.RegistryTarget{}
			}
			assert.Equal(t, test.expected, fileName(export))
		})
	}
}

// A Job is over for us when its pod's last word has come, which a finished export keeps for ever.
func TestAJobEndsWithTheLastWordOfItsPod(t *testing.T) {
	job := &batchv1.Job{Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}}}
	in := func(phase corev1.PodPhase) *corev1.Pod { return &corev1.Pod{Status: corev1.PodStatus{Phase: phase}} }
	assert.Nil(t, (&observation{job: job, pod: in(corev1.PodRunning)}).end())
	assert.NotNil(t, (&observation{job: job, pod: in(corev1.PodSucceeded)}).end())
	assert.NotNil(t, (&observation{job: job, pod: in(corev1.PodFailed)}).end())
	assert.NotNil(t, (&observation{job: job}).end(), "a pod that is gone says nothing more")
	assert.Nil(t, (&observation{job: &batchv1.Job{}, pod: in(corev1.PodSucceeded)}).end())
}

package wukongexport

import (
	"testing"

	"github.com/stretchr/testify/assert"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

func TestWhichDiskOfAWukongVMIsAskedFor(t *testing.T) {
	disks := []v1alpha1.VMDisk{{Name: "root"}, {Name: "data"}, {Name: "drive", Type: v1alpha1.DiskTypeCDROM}}
	tests := map[string]struct {
		disks         []v1alpha1.VMDisk
		name          string
		reason, words string
	}{
		"several": {disks, "", v1alpha1.ReasonInvalidSpec, "has the disks root, data, and an export contains one"},
		"another name": {disks, "other", v1alpha1.ReasonSourceMissing,
			"has no disk other in spec.disks: export one that it has: root, data"},
		"an empty drive": {disks, "drive", v1alpha1.ReasonSourceMissing, "the drive drive of WukongVM web is empty"},
		"only drives":    {disks[2:], "", v1alpha1.ReasonSourceMissing, "has nothing but drives in spec.disks"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			vm := &v1alpha1.WukongVM{
				ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: v1alpha1.WukongVMSpec{Disks: test.disks},
			}
			found := diskMissing(&v1alpha1.WukongExport{Spec: v1alpha1.WukongExportSpec{
				Source: v1alpha1.ExportSource{VM: &v1alpha1.ExportVMSource{Name: "web", Disk: test.name}},
			}}, &observation{vm: vm})
			assert.Equal(t, test.reason, found.Reason)
			assert.Contains(t, found.Message, test.words)
		})
	}
}

// A guest that uses the disk again makes the copy worthless, unless the copy is complete.
func TestWhenAJobIsVoid(t *testing.T) {
	job := func(conditions ...batchv1.JobConditionType) *batchv1.Job {
		made := &batchv1.Job{}
		for _, condition := range conditions {
			made.Status.Conditions = append(made.Status.Conditions,
				batchv1.JobCondition{Type: condition, Status: corev1.ConditionTrue})
		}
		return made
	}
	claim := keeptest.Object(&corev1.PersistentVolumeClaim{}, diskstate.KeepClaim)
	running := &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	used := []string{"web"}
	s3 := v1alpha1.ExportTarget{S3: &v1alpha1.S3Target{}}
	link := v1alpha1.ExportTarget{Download: &v1alpha1.DownloadTarget{}}
	for name, row := range map[string]struct {
		target   v1alpha1.ExportTarget
		observed observation
		void     bool
	}{
		"no Job":               {s3, observation{users: used}, false},
		"in use":               {s3, observation{job: job(), claim: claim, users: used}, true},
		"in use, a link":       {link, observation{job: job(), claim: claim, users: used}, true},
		"in use, at its end":   {s3, observation{job: job(batchv1.JobComplete), claim: claim, users: used}, true},
		"in use, was served":   {link, observation{job: job(batchv1.JobComplete), claim: claim, users: used}, false},
		"in use, it failed":    {s3, observation{job: job(batchv1.JobFailed), claim: claim, users: used}, false},
		"no claim":             {s3, observation{job: job()}, true},
		"no claim, it reads":   {s3, observation{job: job(), pod: running}, false},
		"no claim, at its end": {s3, observation{job: job(batchv1.JobComplete)}, false},
		"nothing":              {s3, observation{job: job(), claim: claim}, false},
	} {
		export := &v1alpha1.WukongExport{Spec: v1alpha1.WukongExportSpec{Target: row.target}}
		assert.Equal(t, row.void, void(export, &row.observed), name)
	}
}

func TestAVoidJobHasNoEnd(t *testing.T) {
	job := &batchv1.Job{Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{
		{Type: batchv1.JobComplete, Status: corev1.ConditionTrue},
	}}}
	assert.NotNil(t, (&observation{job: job}).end())
	assert.Nil(t, (&observation{job: job, void: true}).end())
	assert.Nil(t, (&observation{}).end())
}

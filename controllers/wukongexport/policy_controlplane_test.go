//go:build controlplane

package wukongexport_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// What the operator's account may put into a Job's pod is no more than what its exports do (issue A.5). That they may
// is tried by all tests of this package: their managers have that account's name.
func TestA5TheOperatorMakesNoOtherJobs(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	export := f.newExport("backup", "data")
	f.Create(export)
	made := f.waitJob(export)
	operator, person := f.calling(testenv.Operator), f.calling("somebody")
	f.Until(func() bool {
		job := copyOf(made)
		job.Spec.Template.Spec.HostNetwork = true
		return operator.Create(t.Context(), job, client.DryRunAll) != nil
	}, "the API server heeds a policy a moment after")
	for name, row := range map[string]struct {
		change func(*corev1.PodSpec, *corev1.Container)
		says   string
	}{
		"a second container": {func(pod *corev1.PodSpec, container *corev1.Container) {
			pod.Containers = append(pod.Containers, corev1.Container{Name: "second", Image: container.Image})
		}, "one container, the mover"},
		"a container before it": {func(pod *corev1.PodSpec, container *corev1.Container) {
			pod.InitContainers = []corev1.Container{{Name: "first", Image: container.Image}}
		}, "one container, the mover"},
		"another program": {func(_ *corev1.PodSpec, container *corev1.Container) {
			container.Command = []string{"/bin/sh"}
		}, "one container, the mover"},
		"another command of the program": {func(_ *corev1.PodSpec, container *corev1.Container) {
			container.Args = []string{"--controllers=*"}
		}, "one container, the mover"},
		"a token": {func(pod *corev1.PodSpec, _ *corev1.Container) {
			pod.AutomountServiceAccountToken = ptr.To(true)
		}, "no token for the API server"},
		"a token by leaving it to the account": {func(pod *corev1.PodSpec, _ *corev1.Container) {
			pod.AutomountServiceAccountToken = nil
		}, "no token for the API server"},
		"another account": {func(pod *corev1.PodSpec, _ *corev1.Container) {
			pod.ServiceAccountName = "admin"
		}, "no token for the API server"},
		"a token by a volume": {func(pod *corev1.PodSpec, _ *corev1.Container) {
			pod.Volumes = append(pod.Volumes,
				corev1.Volume{Name: "token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
					Sources: []corev1.VolumeProjection{
						{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}},
					},
				}}})
		}, "claims, Secrets and ConfigMaps alone"},
		"a folder of the node": {func(pod *corev1.PodSpec, _ *corev1.Container) {
			pod.Volumes = append(pod.Volumes, corev1.Volume{
				Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}},
			})
		}, "claims, Secrets and ConfigMaps alone"},
		"the network of the node": {func(pod *corev1.PodSpec, _ *corev1.Container) { pod.HostNetwork = true },
			"nothing of its node"},
		"the processes of the node": {func(pod *corev1.PodSpec, _ *corev1.Container) { pod.HostPID = true },
			"nothing of its node"},
		"the memory of the node": {func(pod *corev1.PodSpec, _ *corev1.Container) { pod.HostIPC = true },
			"nothing of its node"},
		"a node": {func(pod *corev1.PodSpec, _ *corev1.Container) { pod.NodeName = "node1" }, "nothing of its node"},
		"a port of the node": {func(_ *corev1.PodSpec, container *corev1.Container) {
			container.Ports[0].HostPort = container.Ports[0].ContainerPort
		}, "nothing of its node"},
		"root": {func(pod *corev1.PodSpec, _ *corev1.Container) { pod.SecurityContext.RunAsNonRoot = nil },
			"Pod Security Standard restricted"},
		"root in the container": {func(_ *corev1.PodSpec, container *corev1.Container) {
			container.SecurityContext.RunAsNonRoot = ptr.To(false)
		}, "Pod Security Standard restricted"},
		"all system calls": {func(pod *corev1.PodSpec, _ *corev1.Container) {
			pod.SecurityContext.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}
		}, "Pod Security Standard restricted"},
		"more privileges later": {func(_ *corev1.PodSpec, container *corev1.Container) {
			container.SecurityContext.AllowPrivilegeEscalation = nil
		}, "Pod Security Standard restricted"},
		"a capability": {func(_ *corev1.PodSpec, container *corev1.Container) {
			container.SecurityContext.Capabilities.Add = []corev1.Capability{"NET_ADMIN"}
		}, "Pod Security Standard restricted"},
		"privileges": {func(_ *corev1.PodSpec, container *corev1.Container) {
			container.SecurityContext.AllowPrivilegeEscalation = nil
			container.SecurityContext.Privileged = ptr.To(true)
		}, "Pod Security Standard restricted"},
	} {
		t.Run(name, func(t *testing.T) {
			job := copyOf(made)
			row.change(&job.Spec.Template.Spec, &job.Spec.Template.Spec.Containers[0])
			require.NoError(t, person.Create(t.Context(), job.DeepCopy(), client.DryRunAll),
				"the policy is for the operator alone")
			require.ErrorContains(t, operator.Create(t.Context(), job, client.DryRunAll), row.says)
		})
	}
	require.NoError(t, operator.Create(t.Context(), copyOf(made), client.DryRunAll), "what each row begins with")
}

// calling is a client with all rights and a name.
func (f exports) calling(user string) client.Client {
	f.Helper()
	config := rest.CopyConfig(f.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:masters"}}
	made, err := client.New(config, client.Options{Scheme: f.Client.Scheme()})
	require.NoError(f, err)
	return made
}

// copyOf is a Job as it was created.
func copyOf(made *batchv1.Job) *batchv1.Job {
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: made.Namespace, GenerateName: "other-"}, Spec: *made.Spec.DeepCopy(),
	}
	job.Spec.Selector = nil
	job.Spec.Template.Labels = nil
	return job
}

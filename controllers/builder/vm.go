package builder

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// VMOption changes the spec of a machine.
type VMOption = func(*v1alpha1.WukongVMSpec)

// VM is a machine of 128Mi without a disk, on the pod network, whose guest is not asked to shut down when it is
// stopped.
func VM(namespace, name string, options ...VMOption) *v1alpha1.WukongVM {
	vm := &v1alpha1.WukongVM{
		ObjectMeta: meta(namespace, name),
		Spec: v1alpha1.WukongVMSpec{
			Memory:                        v1alpha1.Memory{Guest: resource.MustParse("128Mi")},
			TerminationGracePeriodSeconds: new(int64),
		},
	}
	apply(&vm.Spec, options)
	return vm
}

// Memory of the guest.
func Memory(guest string) VMOption {
	return func(spec *v1alpha1.WukongVMSpec) { spec.Memory.Guest = resource.MustParse(guest) }
}

// Cores of one CPU.
func Cores(count int32) VMOption {
	return func(spec *v1alpha1.WukongVMSpec) { spec.CPU = v1alpha1.CPU{Cores: count, Sockets: 1, Threads: 1} }
}

// GracePeriod is how long the guest may take to shut down, in seconds.
func GracePeriod(seconds int64) VMOption {
	return func(spec *v1alpha1.WukongVMSpec) { spec.TerminationGracePeriodSeconds = &seconds }
}

// Power is the state that the machine is asked for.
func Power(state v1alpha1.PowerState) VMOption {
	return func(spec *v1alpha1.WukongVMSpec) { spec.PowerState = state }
}

// Stopped machines are made and not started.
func Stopped(spec *v1alpha1.WukongVMSpec) { spec.PowerState = v1alpha1.PowerStopped }

// Login is a user of the guest whose password is in a Secret.
func Login(user, secret, key string) VMOption {
	return func(spec *v1alpha1.WukongVMSpec) {
		if spec.CloudInit == nil {
			spec.CloudInit = &v1alpha1.CloudInit{}
		}
		spec.CloudInit.Users = append(spec.CloudInit.Users, v1alpha1.CloudInitUser{
			Name: user, PasswordSecretRef: &v1alpha1.SecretKeyReference{Name: secret, Key: key},
		})
	}
}

// UserData of cloud-init as a whole, from a Secret.
func UserData(secret, key string) VMOption {
	return func(spec *v1alpha1.WukongVMSpec) {
		spec.CloudInit = &v1alpha1.CloudInit{UserDataSecretRef: &v1alpha1.SecretKeyReference{Name: secret, Key: key}}
	}
}

// OnNode lets the machine run on one node only.
func OnNode(node string) VMOption {
	return func(spec *v1alpha1.WukongVMSpec) {
		scheduling(spec).NodeSelector = map[string]string{corev1.LabelHostname: node}
	}
}

// Labelled gives a label to the machine's pods, which a Service may select.
func Labelled(key, value string) VMOption {
	return func(spec *v1alpha1.WukongVMSpec) {
		if scheduling(spec).Labels == nil {
			spec.Scheduling.Labels = map[string]string{}
		}
		spec.Scheduling.Labels[key] = value
	}
}

func scheduling(spec *v1alpha1.WukongVMSpec) *v1alpha1.Scheduling {
	if spec.Scheduling == nil {
		spec.Scheduling = &v1alpha1.Scheduling{}
	}
	return spec.Scheduling
}

// Services of the machine.
func Services(services ...v1alpha1.VMService) VMOption {
	return func(spec *v1alpha1.WukongVMSpec) { spec.Services = append(spec.Services, services...) }
}

// Policy of the machine's traffic.
func Policy(policy *v1alpha1.TrafficPolicy) VMOption {
	return func(spec *v1alpha1.WukongVMSpec) { spec.Policy = policy }
}

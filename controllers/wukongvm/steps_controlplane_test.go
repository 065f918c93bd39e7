//go:build controlplane

package wukongvm_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// written are the resources that a pass writes, and a child of the machine "NAME" of each.
var written = map[string]func(name string) client.Object{
	"wukongdisks": func(name string) client.Object {
		return &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Name: name + "-root"}}
	},
	"wukongnetworks": func(name string) client.Object {
		return &v1alpha1.WukongNetwork{ObjectMeta: metav1.ObjectMeta{Name: name + "-lan"}}
	},
	"secrets": func(name string) client.Object {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name + "-cloudinit"}}
	},
	"networkpolicies": func(name string) client.Object {
		return &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: name + "-policy"}}
	},
	"virtualmachines": func(name string) client.Object {
		return &kubevirtv1.VirtualMachine{ObjectMeta: metav1.ObjectMeta{Name: name}}
	},
	"services": func(name string) client.Object {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name + "-web"}}
	},
}

// dependents are the resources that are not written while another one cannot be.
var dependents = map[string][]string{
	"wukongdisks":     {"virtualmachines"},
	"wukongnetworks":  {"secrets", "networkpolicies", "virtualmachines"},
	"secrets":         {"virtualmachines"},
	"networkpolicies": {"virtualmachines"},
}

// withEverything is a machine whose pass writes all of written.
func (f machines) withEverything(name string) *v1alpha1.WukongVM {
	return f.newVM(name,
		builder.Networks(builder.PodInterface("pod"), builder.StampedInterface("lan", builder.OnBridge("br-lan"))),
		builder.Policy(&v1alpha1.TrafficPolicy{DefaultDeny: v1alpha1.TrafficIngress}),
		builder.Services(v1alpha1.VMService{Name: "web", Ports: []v1alpha1.VMServicePort{{Port: 80}}}))
}

// A step that is refused, or fails, is reported on the machine. It stops what needs it and nothing else, and the machine recovers by itself.
func TestStepsThatAreRefusedOrFail(t *testing.T) {
	faults := testenv.NewFaults()
	f := machines{newMachines(t).Enforcing("Enforced").Meeting(faults)}
	f.Simulate()
	f.StartManager()
	reasons := map[string]string{"refused": v1alpha1.ReasonApplyRefused, "failed": v1alpha1.ReasonReconcileError}
	made := map[string]*v1alpha1.WukongVM{}
	for resource := range written {
		for fault := range reasons {
			name := resource + "-" + fault
			if fault == "refused" {
				faults.Refuse(resource, name)
			} else {
				faults.Fail(resource, name)
			}
			made[name] = f.withEverything(name)
			f.Create(made[name])
		}
	}
	for resource := range written {
		for fault, reason := range reasons {
			name := resource + "-" + fault
			t.Run(name, func(t *testing.T) {
				f := f.in(t)
				vm := made[name]
				if resource == "services" && fault == "refused" {
					f.waitServices(vm, metav1.ConditionFalse, reason)
				} else {
					testkit.Wait(f, vm, metav1.ConditionFalse, reason, "by a test: "+resource)
				}
				if fault == "failed" {
					conditions := testkit.Read(f, name, &v1alpha1.WukongVM{}).Status.Conditions
					assert.False(t, meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionSynchronized), "others act on it")
				}
				for other, child := range written {
					if other == resource || slices.Contains(dependents[resource], other) {
						assert.False(t, f.Exists(child(name).GetName(), child(name)), other)
					} else {
						f.Until(func() bool { return f.Exists(child(name).GetName(), child(name)) }, other)
					}
				}
				faults.Heal(name)
				f.Patch(vm, `{"spec":{"terminationGracePeriodSeconds":1}}`) // so that a refused one is not waited for a minute
				testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
			})
		}
	}
	for resource := range written {
		if resource == "virtualmachines" {
			continue
		}
		t.Run(resource+" keep no machine from stopping", func(t *testing.T) {
			f := f.in(t)
			vm := made[resource+"-refused"]
			faults.Refuse(resource, vm.Name)
			before := testkit.Read(f, vm.Name, &v1alpha1.WukongVM{})
			after := before.DeepCopy()
			after.Spec.PowerState = v1alpha1.PowerStopped
			after.Spec.Disks[0].Template.Labels, after.Spec.Networks[1].Template.Labels = map[string]string{"tier": "web"}, map[string]string{"tier": "web"}
			after.Spec.CloudInit = &v1alpha1.CloudInit{Hostname: "other"}
			after.Spec.Policy.DefaultDeny, after.Spec.Services[0].Ports[0].Port = v1alpha1.TrafficBoth, 81
			require.NoError(t, f.Client.Patch(t.Context(), after, client.MergeFrom(before)))
			f.Until(func() bool {
				machine := testkit.Read(f, vm.Name, &kubevirtv1.VirtualMachine{})
				return machine.Spec.RunStrategy != nil && *machine.Spec.RunStrategy == kubevirtv1.RunStrategyHalted
			})
			if resource == "services" {
				f.waitServices(vm, metav1.ConditionFalse, v1alpha1.ReasonApplyRefused)
			} else {
				testkit.WaitCondition(f, vm, v1alpha1.ConditionSynchronized, metav1.ConditionFalse, v1alpha1.ReasonApplyRefused, "by a test: "+resource)
			}
		})
	}
}

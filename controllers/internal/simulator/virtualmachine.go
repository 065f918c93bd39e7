package simulator

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func (s *Simulator) virtualMachine(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	virtualMachine := &kubevirtv1.VirtualMachine{}
	if err := s.client.Get(ctx, request.NamespacedName, virtualMachine); err != nil ||
		!virtualMachine.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	instance := &kubevirtv1.VirtualMachineInstance{}
	if err := s.client.Get(ctx, request.NamespacedName, instance); apierrors.IsNotFound(err) {
		instance = nil
	} else if err != nil {
		return reconcile.Result{}, err
	}
	if virtualMachine.Spec.RunStrategy != nil && *virtualMachine.Spec.RunStrategy == kubevirtv1.RunStrategyHalted {
		return reconcile.Result{}, s.halt(ctx, virtualMachine, instance)
	}
	return reconcile.Result{}, s.run(ctx, virtualMachine, instance)
}

func (s *Simulator) halt(
	ctx context.Context, virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance,
) error {
	if instance == nil {
		if err := s.recover(ctx, virtualMachine); err != nil {
			return err
		}
		return s.print(ctx, virtualMachine, instance, kubevirtv1.VirtualMachineStatusStopped)
	}
	if err := s.print(ctx, virtualMachine, instance, kubevirtv1.VirtualMachineStatusStopping); err != nil {
		return err
	}
	return client.IgnoreNotFound(s.client.Delete(ctx, instance))
}

func (s *Simulator) run(
	ctx context.Context, virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance,
) error {
	filled, err := s.filled(ctx, virtualMachine)
	if err != nil {
		return err
	}
	if !filled && instance == nil {
		return s.print(ctx, virtualMachine, instance, kubevirtv1.VirtualMachineStatusProvisioning)
	}
	if instance == nil {
		if err := s.recover(ctx, virtualMachine); err != nil {
			return err
		}
		manual := ptr.Deref(virtualMachine.Spec.RunStrategy, "") == kubevirtv1.RunStrategyManual
		if manual || hasCondition(virtualMachine, kubevirtv1.VirtualMachineManualRecoveryRequired) {
			return s.print(ctx, virtualMachine, instance, kubevirtv1.VirtualMachineStatusStopped)
		}
		if err := s.print(ctx, virtualMachine, instance, kubevirtv1.VirtualMachineStatusStarting); err != nil {
			return err
		}
		return s.makeInstance(ctx, virtualMachine)
	}
	next := map[kubevirtv1.VirtualMachineInstancePhase]kubevirtv1.VirtualMachineInstancePhase{
		kubevirtv1.VmPhaseUnset: kubevirtv1.Scheduling, kubevirtv1.Scheduling: kubevirtv1.Scheduled,
		kubevirtv1.Scheduled: kubevirtv1.Running,
	}[instance.Status.Phase]
	if next == "" {
		return s.change(ctx, virtualMachine, instance)
	}
	if err := s.print(ctx, virtualMachine, instance, kubevirtv1.VirtualMachineStatusStarting); err != nil {
		return err
	}
	instance.Status.Phase = next
	if next == kubevirtv1.Running {
		s.boot(instance)
		if err := s.describeVolumes(ctx, instance); err != nil {
			return err
		}
	}
	return s.client.Update(ctx, instance)
}

// change applies the changes of a VirtualMachine to its running instance, one step at a time.
func (s *Simulator) change(
	ctx context.Context, virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance,
) error {
	if done, err := s.migrateVolumes(ctx, virtualMachine, instance); done || err != nil {
		return err
	}
	if !migrates(virtualMachine) && s.plug(virtualMachine, instance) {
		if err := s.describeVolumes(ctx, instance); err != nil {
			return err
		}
		return s.client.Update(ctx, instance)
	}
	if done, err := s.plugInterfaces(ctx, virtualMachine, instance); done || err != nil {
		return err
	}
	return s.print(ctx, virtualMachine, instance, kubevirtv1.VirtualMachineStatusRunning)
}

// filled reports whether all DataVolumes of the VirtualMachine succeeded.
func (s *Simulator) filled(ctx context.Context, virtualMachine *kubevirtv1.VirtualMachine) (bool, error) {
	for _, name := range dataVolumesOf(virtualMachine) {
		dataVolume := &cdiv1.DataVolume{}
		key := client.ObjectKey{Namespace: virtualMachine.Namespace, Name: name}
		if err := s.client.Get(ctx, key, dataVolume); err != nil {
			return false, client.IgnoreNotFound(err)
		}
		if dataVolume.Status.Phase != cdiv1.Succeeded {
			return false, nil
		}
	}
	return true, nil
}

func (s *Simulator) makeInstance(ctx context.Context, virtualMachine *kubevirtv1.VirtualMachine) error {
	instance := &kubevirtv1.VirtualMachineInstance{
		ObjectMeta: metav1.ObjectMeta{
			Name: virtualMachine.Name, Namespace: virtualMachine.Namespace,
			Labels: virtualMachine.Spec.Template.ObjectMeta.Labels,
		},
		Spec: *virtualMachine.Spec.Template.Spec.DeepCopy(),
	}
	if err := controllerutil.SetControllerReference(virtualMachine, instance, s.client.Scheme()); err != nil {
		return err
	}
	return s.client.Create(ctx, instance)
}

// boot sets what a running guest reports.
func (s *Simulator) boot(instance *kubevirtv1.VirtualMachineInstance) {
	instance.Status.NodeName = NodeName
	instance.Status.Conditions = []kubevirtv1.VirtualMachineInstanceCondition{
		{Type: kubevirtv1.VirtualMachineInstanceReady, Status: corev1.ConditionTrue},
		{Type: kubevirtv1.VirtualMachineInstanceIsMigratable, Status: corev1.ConditionTrue},
	}
	migrateInterfaces(instance)
}

// print writes the status. As in KubeVirt (pkg/virt-controller/watch/vm/vm.go, updateStatus), it has the run strategy
// since the first instance.
func (s *Simulator) print(
	ctx context.Context, virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance,
	printable kubevirtv1.VirtualMachinePrintableStatus,
) error {
	before, status := virtualMachine.Status.DeepCopy(), &virtualMachine.Status
	status.PrintableStatus, status.Ready = printable, printable == kubevirtv1.VirtualMachineStatusRunning
	status.Created = instance != nil
	if status.RunStrategy != "" || status.Created {
		status.RunStrategy = ptr.Deref(virtualMachine.Spec.RunStrategy, kubevirtv1.RunStrategyHalted)
	}
	if equality.Semantic.DeepEqual(before, status) {
		return nil
	}
	return s.client.Status().Update(ctx, virtualMachine)
}

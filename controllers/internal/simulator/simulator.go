// Package simulator writes what KubeVirt and CDI would write, and nothing more, so that the control plane alone brings
// a WukongVM from creation to Ready. It replaces them in tests and benchmarks of our own requests. It cannot show what
// a guest does.
//
// The sequence of states is that of KubeVirt v1.7 and CDI v1.61: a DataVolume creates its claim, is filled and
// succeeds. A VirtualMachine waits for its DataVolumes, then creates an instance, which is scheduled and runs.
package simulator

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

// NodeName is where all instances run.
const NodeName = "simulated-node"

// Simulator plays KubeVirt and CDI.
type Simulator struct {
	client client.Client
}

// virtualMachineByDataVolume finds the VirtualMachines that have a DataVolume.
const virtualMachineByDataVolume = "dataVolume"

// Setup adds the simulator to a manager of its own.
func Setup(ctx context.Context, manager ctrl.Manager) error {
	simulator := &Simulator{client: manager.GetClient()}
	err := manager.GetFieldIndexer().IndexField(ctx, &kubevirtv1.VirtualMachine{}, virtualMachineByDataVolume,
		func(object client.Object) []string {
			return dataVolumesOf(object.(*kubevirtv1.VirtualMachine))
		})
	if err != nil {
		return fmt.Errorf("index the machines: %w", err)
	}
	err = ctrl.NewControllerManagedBy(manager).Named("simulated-cdi").
		For(&cdiv1.DataVolume{}).
		Owns(&corev1.PersistentVolumeClaim{}).
		Complete(reconcile.Func(simulator.dataVolume))
	if err != nil {
		return fmt.Errorf("set up the simulated CDI: %w", err)
	}
	err = ctrl.NewControllerManagedBy(manager).Named("simulated-kubevirt").
		For(&kubevirtv1.VirtualMachine{}).
		Owns(&kubevirtv1.VirtualMachineInstance{}).
		Watches(&cdiv1.DataVolume{}, handler.EnqueueRequestsFromMapFunc(simulator.virtualMachinesOf)).
		Complete(reconcile.Func(simulator.virtualMachine))
	if err != nil {
		return fmt.Errorf("set up the simulated KubeVirt: %w", err)
	}
	return nil
}

func (s *Simulator) dataVolume(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	dataVolume := &cdiv1.DataVolume{}
	if err := s.client.Get(ctx, request.NamespacedName, dataVolume); err != nil ||
		!dataVolume.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	claim := &corev1.PersistentVolumeClaim{}
	err := s.client.Get(ctx, request.NamespacedName, claim)
	switch {
	case apierrors.IsNotFound(err) && dataVolume.Annotations[dvstate.AnnotationPrePopulated] != "":
		dataVolume.Status.Phase = cdiv1.Pending
		return reconcile.Result{}, s.client.Status().Update(ctx, dataVolume)
	case apierrors.IsNotFound(err):
		return reconcile.Result{}, s.makeClaim(ctx, dataVolume)
	case err != nil:
		return reconcile.Result{}, err
	case claim.Status.Phase != corev1.ClaimBound:
		claim.Status.Phase = corev1.ClaimBound
		claim.Status.Capacity = claim.Spec.Resources.Requests
		return reconcile.Result{}, s.client.Status().Update(ctx, claim)
	}
	next := map[cdiv1.DataVolumePhase]cdiv1.DataVolumePhase{
		cdiv1.PhaseUnset: cdiv1.ImportScheduled, cdiv1.ImportScheduled: cdiv1.ImportInProgress,
		cdiv1.ImportInProgress: cdiv1.Succeeded,
	}[dataVolume.Status.Phase]
	if next == "" && dataVolume.Annotations[dvstate.AnnotationPopulatedFor] != "" &&
		dataVolume.Annotations[dvstate.AnnotationPrePopulated] == "" {
		dataVolume.Annotations[dvstate.AnnotationPrePopulated] = claim.Name
		return reconcile.Result{}, s.client.Update(ctx, dataVolume)
	}
	if next == "" {
		return reconcile.Result{}, nil
	}
	if held, again, err := s.filling(ctx, dataVolume); held || err != nil {
		return reconcile.Result{RequeueAfter: again}, err
	}
	dataVolume.Status.Phase = next
	return reconcile.Result{}, s.client.Status().Update(ctx, dataVolume)
}

// holdInterval is how often a held copy checks whether it may continue.
const holdInterval = 100 * time.Millisecond

// filling reports whether a test holds the source of a cloned DataVolume, or its class, and when to check again: for a
// class, when the DataVolume changes.
func (s *Simulator) filling(
	ctx context.Context, dataVolume *cdiv1.DataVolume,
) (held bool, again time.Duration, err error) {
	var on client.Object
	switch source, class := dataVolume.Spec.Source, dataVolume.Spec.Storage.StorageClassName; {
	case source != nil && source.PVC != nil:
		on, again = &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: dataVolume.Namespace,
			Name: source.PVC.Name}}, holdInterval
	case class != nil:
		on = &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: *class}}
	default:
		return false, 0, nil
	}
	err = s.client.Get(ctx, client.ObjectKeyFromObject(on), on)
	return on.GetAnnotations()[AnnotationHold] != "", again, client.IgnoreNotFound(err)
}

func (s *Simulator) makeClaim(ctx context.Context, dataVolume *cdiv1.DataVolume) error {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Name: dataVolume.Name, Namespace: dataVolume.Namespace, Labels: dataVolume.Labels,
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			StorageClassName: dataVolume.Spec.Storage.StorageClassName,
			Resources:        dataVolume.Spec.Storage.Resources,
			VolumeMode:       ptr.To(corev1.PersistentVolumeFilesystem),
		},
	}
	if err := controllerutil.SetControllerReference(dataVolume, claim, s.client.Scheme()); err != nil {
		return err
	}
	if err := s.client.Create(ctx, claim); err != nil {
		return err
	}
	// No pods run here, nor the controller that removes this finalizer when no pod uses the claim.
	claim.Finalizers = nil
	return s.client.Update(ctx, claim)
}

func (s *Simulator) virtualMachinesOf(ctx context.Context, dataVolume client.Object) []reconcile.Request {
	virtualMachines := &kubevirtv1.VirtualMachineList{}
	err := s.client.List(ctx, virtualMachines, client.InNamespace(dataVolume.GetNamespace()),
		client.MatchingFields{virtualMachineByDataVolume: dataVolume.GetName()})
	if err != nil {
		return nil
	}
	var requests []reconcile.Request
	for i := range virtualMachines.Items {
		requests = append(requests,
			reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&virtualMachines.Items[i])})
	}
	return requests
}

func dataVolumesOf(virtualMachine *kubevirtv1.VirtualMachine) []string {
	var names []string
	for _, volume := range virtualMachine.Spec.Template.Spec.Volumes {
		if volume.DataVolume != nil {
			names = append(names, volume.DataVolume.Name)
		}
	}
	return names
}

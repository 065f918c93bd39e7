package preflight

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// overQuota names a ResourceQuota that has no room for a second launcher pod; empty for none. Both pods exist while a
// guest migrates. It is advice: quotas with scopes are left out, and KubeVirt waits for room automatically.
func (in Inputs) overQuota() string {
	needs := needsOf(in.Pod)
	for i := range in.Quotas {
		quota := &in.Quotas[i]
		if len(quota.Spec.Scopes) > 0 || quota.Spec.ScopeSelector != nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(needs)) {
			hard, limited := quota.Status.Hard[name]
			if !limited {
				continue
			}
			after := quota.Status.Used[name]
			need := needs[name]
			if after.Add(need); after.Cmp(hard) > 0 {
				used := quota.Status.Used[name]
				return fmt.Sprintf("while a guest migrates, it needs a second pod, and ResourceQuota %s has no room "+
					"for it: %s %s more than the %s in use, of %s: raise the quota, or stop something",
					quota.Name, name, need.String(), used.String(), hard.String())
			}
		}
	}
	return ""
}

// needsOf is what a pod counts for in a ResourceQuota
// (k8s.io/kubernetes, pkg/quota/v1/evaluator/core/pods.go, podComputeUsageHelper).
func needsOf(pod *corev1.Pod) map[corev1.ResourceName]resource.Quantity {
	needs := map[corev1.ResourceName]resource.Quantity{
		corev1.ResourcePods: resource.MustParse("1"), "count/pods": resource.MustParse("1"),
	}
	add := func(name corev1.ResourceName, amount resource.Quantity) {
		sum := needs[name]
		sum.Add(amount)
		needs[name] = sum
	}
	for i := range pod.Spec.Containers {
		resources := pod.Spec.Containers[i].Resources
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			if amount, asks := resources.Requests[name]; asks {
				add(name, amount)
				add("requests."+name, amount)
			}
			if amount, limits := resources.Limits[name]; limits {
				add("limits."+name, amount)
			}
		}
	}
	return needs
}

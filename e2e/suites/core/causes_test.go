//go:build e2e

package core

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func readyOf(object v1alpha1.Object) *metav1.Condition {
	return meta.FindStatusCondition(object.GetConditions(), v1alpha1.ConditionReady)
}

func mentions(message string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(message, part) {
			return false
		}
	}
	return true
}

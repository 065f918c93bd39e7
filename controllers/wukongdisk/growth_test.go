package wukongdisk

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/novasphere/wukong/controllers/internal/apply"
)

func TestQuotaIsToldApart(t *testing.T) {
	claims := schema.GroupResource{Resource: "persistentvolumeclaims"}
	refuse := func(words string) error {
		return apply.Classify("PersistentVolumeClaim", "root", apierrors.NewForbidden(claims, "root", errors.New(words)))
	}
	assert.True(t, quotaExceeded(refuse("exceeded quota: small, requested: requests.storage=10Gi")))
	assert.False(t, quotaExceeded(refuse("only dynamically provisioned pvc can be resized")))
	assert.False(t, quotaExceeded(nil))
}

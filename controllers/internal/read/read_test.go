package read

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// server answers each request with an error, or with the object web.
type server struct {
	client.Reader
	err error
}

func (s server) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	obj.SetName(key.Name)
	return s.err
}

func TestGet(t *testing.T) {
	found, err := Get(t.Context(), server{}, "shop", "web", &corev1.Secret{})
	require.NoError(t, err)
	assert.Equal(t, "web", found.Name)

	notFound := apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, "web")
	found, err = Get(t.Context(), server{err: notFound}, "shop", "web", &corev1.Secret{})
	require.NoError(t, err)
	assert.Nil(t, found)
}

// A user reads the kind of the object, and no Go type.
func TestAnErrorNamesTheKind(t *testing.T) {
	metadata := &metav1.PartialObjectMetadata{}
	metadata.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	for kind, obj := range map[string]client.Object{
		"Secret": &corev1.Secret{}, "Service": &corev1.Service{}, "ConfigMap": metadata,
		"WukongDisk": &v1alpha1.WukongDisk{}, "VirtualMachine": &kubevirtv1.VirtualMachine{},
	} {
		found, err := Get(t.Context(), server{err: errors.New("no connection")}, "shop", "web", obj)
		assert.Nil(t, found, kind)
		assert.EqualError(t, err, "get "+kind+" web: no connection")
	}
}

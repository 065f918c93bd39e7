package apply

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
)

// write is a patch that the server received.
type write struct {
	kind    types.PatchType
	object  string
	body    map[string]any
	options client.PatchOptions
}

// metadata is what the patch has of the object's metadata.
func (w *write) metadata() map[string]any {
	metadata, _ := w.body["metadata"].(map[string]any)
	return metadata
}

// server is an API server that records what is written.
type server struct {
	client.WithWatch
	writes []write
	// refusal is the answer to each write, and unreadable the one to each read; nil for the usual one.
	refusal, unreadable error
}

func schemeOfTests(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	return scheme
}

func newServer(t *testing.T, objects ...client.Object) *server {
	t.Helper()
	made := &server{}
	made.WithWatch = fake.NewClientBuilder().WithScheme(schemeOfTests(t)).WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.WukongDisk{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, obj client.Object,
				options ...client.GetOption) error {
				if made.unreadable != nil {
					return made.unreadable
				}
				return inner.Get(ctx, key, obj, options...)
			},
			Patch: func(ctx context.Context, inner client.WithWatch, obj client.Object, patch client.Patch,
				options ...client.PatchOption) error {
				applied := client.PatchOptions{}
				applied.ApplyOptions(options)
				if err := made.note(obj, patch, applied); err != nil {
					return err
				}
				return inner.Patch(ctx, obj, patch, options...)
			},
			SubResourcePatch: func(ctx context.Context, inner client.Client, part string, obj client.Object,
				patch client.Patch, options ...client.SubResourcePatchOption) error {
				applied := client.SubResourcePatchOptions{}
				applied.ApplyOptions(options)
				if err := made.note(obj, patch, applied.PatchOptions); err != nil {
					return err
				}
				return inner.SubResource(part).Patch(ctx, obj, patch, options...)
			},
		}).Build()
	return made
}

// note records a write, and returns the refusal.
func (s *server) note(obj client.Object, patch client.Patch, options client.PatchOptions) error {
	body, err := patch.Data(obj)
	if err != nil {
		return err
	}
	made := write{kind: patch.Type(), object: obj.GetNamespace() + "/" + obj.GetName(), options: options}
	if err := json.Unmarshal(body, &made.body); err != nil {
		return err
	}
	s.writes = append(s.writes, made)
	return s.refusal
}

// applier writes to the server, and reads from it as from a cache.
func (s *server) applier() *Applier { return &Applier{Client: s, FieldManager: "wukong-test"} }

// only returns the one write that the server received.
func (s *server) only(t *testing.T) *write {
	t.Helper()
	require.Len(t, s.writes, 1)
	return &s.writes[0]
}

// stored reads an object again.
func (s *server) stored(t *testing.T, obj client.Object) client.Object {
	t.Helper()
	found := obj.DeepCopyObject().(client.Object)
	require.NoError(t, s.Get(t.Context(), client.ObjectKeyFromObject(obj), found))
	return found
}

// ownerVM is WukongVM shop/web with a UID.
func ownerVM(uid types.UID) *v1alpha1.WukongVM {
	vm := builder.VM("shop", "web")
	vm.UID = uid
	return vm
}

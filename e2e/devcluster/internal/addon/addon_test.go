package addon

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestManifestIsSplitIntoObjects(t *testing.T) {
	objects, err := ParseYAML([]byte(`
# a comment alone
---
apiVersion: v1
kind: Namespace
metadata: {name: one}
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: two}}
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: three}}
---
`))
	require.NoError(t, err)
	var names []string
	for _, object := range objects {
		names = append(names, object.GetName())
	}
	require.Equal(t, []string{"one", "two", "three"}, names)
}

func TestBrokenManifestIsShown(t *testing.T) {
	_, err := ParseYAML([]byte("kind: [unclosed"))
	require.ErrorContains(t, err, "unclosed")
}

func TestTypedObjectsAreAppliedWithoutWhatTheServerWrites(t *testing.T) {
	object, err := toUnstructured(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "one"}})
	require.NoError(t, err)
	require.Equal(t, "apps/v1", object.GetAPIVersion())
	require.Equal(t, "Deployment", object.GetKind())
	require.NotContains(t, object.Object, "status")
	require.NotContains(t, object.Object["metadata"], "creationTimestamp")
}

func TestWaitEndsWithTheLastAnswer(t *testing.T) {
	err := WaitFor(t.Context(), time.Millisecond, "wait for it", func(context.Context) (string, error) { return "it has no door", nil })
	require.ErrorContains(t, err, "wait for it: gave up: it has no door")
}

func TestWaitEndsAtOnceWithAnError(t *testing.T) {
	broken := errors.New("broken")
	err := WaitFor(t.Context(), time.Hour, "wait for it", func(context.Context) (string, error) { return "", broken })
	require.ErrorIs(t, err, broken)
}

func TestWaitEndsWhenNothingIsMissing(t *testing.T) {
	asked := 0
	require.NoError(t, WaitFor(t.Context(), time.Minute, "wait for it", func(context.Context) (string, error) {
		if asked++; asked < 3 {
			return "not yet", nil
		}
		return "", nil
	}))
	require.Equal(t, 3, asked)
}

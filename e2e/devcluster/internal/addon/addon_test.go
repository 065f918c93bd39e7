package addon

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
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
	err := WaitFor(t.Context(), time.Millisecond, "wait for it", func(context.Context) (string, error) {
		return "it has no door", nil
	})
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

func TestPodsOfANodeThatStartedAnewAreReadyWhenTheyDidToo(t *testing.T) {
	started := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	pod := func(name, node string, since time.Time) corev1.Pod {
		return corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{NodeName: node},
			Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{
				Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(since)},
			}}}},
		}
	}
	ended := pod("ended", "one", started.Add(-time.Hour))
	ended.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	pods := []corev1.Pod{pod("before", "one", started.Add(-time.Second)), pod("after", "one", started),
		pod("elsewhere", "two", started.Add(-time.Hour)), ended}
	require.Equal(t, []string{"pod before has not been started since one was"},
		outdated(pods, []Node{{Name: "one", Since: started}, {Name: "two"}}))
}

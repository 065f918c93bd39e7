package addon

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestPodTemplatesNameTheirImages(t *testing.T) {
	object := func(text string) *unstructured.Unstructured {
		objects, err := ParseYAML([]byte(text))
		require.NoError(t, err)
		return objects[0]
	}
	digests := map[string]string{"one:1": "sha256:bbb", "two:1": "sha256:aaa"}
	deployment := object(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: {
		metadata: {labels: {app: a}}, spec: {initContainers: [{image: "one:1"}], ` +
		`containers: [{image: "two:1"}, {image: "one:1"}, {image: "other:1"}]}}}}`)
	require.NoError(t, markImages(deployment, digests))
	template, _, err := unstructured.NestedStringMap(deployment.Object, "spec", "template", "metadata", "annotations")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{annotationImages: "sha256:aaa,sha256:bbb"}, template)

	for _, text := range []string{
		`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: {spec: {containers: [{image: ` +
			`"other:1"}]}}}}`,
		`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}`,
	} {
		untouched := object(text)
		require.NoError(t, markImages(untouched, digests))
		assert.Equal(t, object(text), untouched)
	}
}

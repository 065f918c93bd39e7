package scope

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

func TestNoNamespaceStandsForAll(t *testing.T) {
	all, err := Parse(nil)
	require.NoError(t, err)
	assert.False(t, all.Limited())
	assert.True(t, all.Contain("shop"))
	assert.Nil(t, all.Cache())
	assert.Equal(t, "all", all.String())
}

func TestNamespacesAreSortedAndCheckedOnce(t *testing.T) {
	some, err := Parse([]string{"shop", "lab", "shop"})
	require.NoError(t, err)
	assert.True(t, some.Limited())
	assert.True(t, some.Contain("lab"))
	assert.False(t, some.Contain("office"))
	assert.Equal(t, "lab, shop", some.String())
	assert.Equal(t, map[string]cache.Config{"lab": {}, "shop": {}}, some.Cache())
}

func TestWhatIsNoNamespaceIsRefused(t *testing.T) {
	for _, name := range []string{"", "Shop", "shop/web", "*"} {
		_, err := Parse([]string{"lab", name})
		require.Error(t, err, name)
		assert.Contains(t, err.Error(), "is not the name of a namespace")
	}
}

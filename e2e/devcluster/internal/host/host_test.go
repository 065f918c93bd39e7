package host

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVirtualisationIsAFlagOfTheProcessor(t *testing.T) {
	require.True(t, virtualises("processor\t: 0\nflags\t\t: fpu vmx sse\n"))
	require.True(t, virtualises("flags\t\t: fpu svm\n"))
	require.False(t, virtualises("model name\t: vmx\nflags\t\t: fpu vmxish\nvmx flags\t: ept\n"))
}

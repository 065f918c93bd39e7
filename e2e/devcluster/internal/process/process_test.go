package process

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStartTimeIsFoundBehindAnyName(t *testing.T) {
	const rest = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21"
	for _, name := range []string{"(sh)", "(a name)", "(a) (b) S 1)"} {
		started, err := parseStarted("42 " + name + rest)
		require.NoError(t, err)
		require.Equal(t, uint64(4711), started, name)
	}
	_, err := parseStarted("42 (sh) S 1")
	require.Error(t, err)
}

func TestOnlyTheVeryProcessIsAliveAndKilled(t *testing.T) {
	command := exec.Command("sleep", "60")
	require.NoError(t, command.Start())
	id, err := Find(command.Process.Pid)
	require.NoError(t, err)
	require.True(t, id.Alive())

	other := ID{PID: id.PID, Started: id.Started + 1}
	require.False(t, other.Alive(), "a later process with the same id is another one")
	require.NoError(t, other.Kill(t.Context()))
	require.True(t, id.Alive(), "killing another process left this one alone")

	require.NoError(t, id.Kill(t.Context()))
	require.False(t, id.Alive(), "a zombie is not alive")
	require.Error(t, command.Wait())
	require.NoError(t, id.Kill(t.Context()), "a process that is gone needs no killing")
}

func TestOwnProcessIsAlive(t *testing.T) {
	id, err := Find(os.Getpid())
	require.NoError(t, err)
	require.True(t, id.Alive())
	require.False(t, ID{}.Alive())
}

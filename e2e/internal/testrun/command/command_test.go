package command

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOutputAndEnvironment(t *testing.T) {
	var output, errors bytes.Buffer
	one := Command{
		Arguments:   []string{"sh", "-c", `echo "$GREETING from $PWD"; echo complaint >&2`},
		Environment: []string{"GREETING=hello"}, Folder: "/",
		Output: &output, Errors: &errors, Gently: true,
	}
	require.NoError(t, one.Run(t.Context()))
	assert.Equal(t, "hello from /\n", output.String())
	assert.Equal(t, "complaint\n", errors.String())
	one.Errors = nil
	require.NoError(t, one.Run(t.Context()))
	assert.Contains(t, output.String(), "complaint")
}

func TestFailureNamesTheCommand(t *testing.T) {
	err := Command{Arguments: []string{"sh", "-c", "exit 3"}}.Run(t.Context())
	require.EqualError(t, err, "run sh -c exit 3: exit status 3")
}

// A child that ignores the interruption, as those do that a shell starts in the background, is killed when the grace is
// over.
func TestChildrenEndWithTheContext(t *testing.T) {
	for _, script := range []string{
		"echo started; sleep 600; echo not interrupted",
		"sleep 600 & echo started; wait; wait",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var text strings.Builder
		one := Command{Arguments: []string{"sh", "-c", script}, grace: time.Second}
		err := one.Read(ctx, func(output io.Reader) error {
			lines := bufio.NewScanner(output)
			for lines.Scan() {
				text.WriteString(lines.Text())
				cancel()
			}
			return lines.Err() // when no child holds the other end of the pipe
		})
		require.ErrorIs(t, err, context.Canceled, script)
		assert.Equal(t, "started", text.String())
	}
}

func TestReadGivesTheOutput(t *testing.T) {
	var text []byte
	err := Command{Arguments: []string{"echo", "hello"}}.Read(t.Context(), func(output io.Reader) (err error) {
		text, err = io.ReadAll(output)
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, "hello", strings.TrimSpace(string(text)))
}

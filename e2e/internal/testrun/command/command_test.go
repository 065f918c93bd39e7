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
		Arguments: []string{"sh", "-c", `echo "$GREETING from $PWD"; echo complaint >&2`}, Environment: []string{"GREETING=hello"}, Folder: "/",
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

func TestChildrenEndWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	started := time.Now()
	err := Command{Arguments: []string{"sh", "-c", "sleep 600 & echo started; wait; wait"}}.Read(ctx, func(output io.Reader) error {
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			cancel()
		}
		return lines.Err() // when the sleeping child has ended too, which holds the pipe
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Less(t, time.Since(started), grace)
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

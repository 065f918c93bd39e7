package console

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

// guestFiles is a folder with what cloud-init leaves in a guest where it is at work.
func guestFiles(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, folder := range []string{"run/cloud-init", "usr/bin"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, folder), 0o700))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "usr/bin/cloud-init"), nil, 0o600))
	return root
}

// enter opens the console of a shell, which loses what is typed as 'lose' says, and waits until the guest below root
// has booted.
func enter(t *testing.T, root string, lose func(message int, typed []byte) []byte) *Console {
	t.Helper()
	guest, err := Open(t.Context(), serveShell(t, lose), "default", "one", nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, guest.Close()) })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	require.NoError(t, guest.login(ctx, "alice", ""))
	require.NoError(t, guest.settle(ctx, root))
	return guest
}

func all(_ int, typed []byte) []byte { return typed }

func TestSettleWaitsForCloudInit(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"result.json", "disabled"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			root := guestFiles(t)
			// The file comes when the question has been typed for the second time, so that an answer to the first is
			// too early.
			done := filepath.Join(root, "run/cloud-init", file)
			guest := enter(t, root, func(message int, typed []byte) []byte {
				if message == 2 {
					assert.NoError(t, os.WriteFile(done, nil, 0o600))
				}
				return typed
			})
			assert.FileExists(t, done, "it returned while cloud-init was at work")

			output, err := guest.Run(t.Context(), "echo hello; false")
			assert.ErrorContains(t, err, "exit code 1")
			assert.Equal(t, "hello", output)
		})
	}
}

func TestSettleInAGuestWithoutCloudInit(t *testing.T) {
	t.Parallel()
	enter(t, t.TempDir(), all)
}

// TestSettleIsNotFooledByWhatIsLost: a part of the question is answered by nothing that could be believed.
func TestSettleIsNotFooledByWhatIsLost(t *testing.T) {
	t.Parallel()
	root := guestFiles(t)
	done := filepath.Join(root, "run/cloud-init/result.json")
	enter(t, root, func(message int, typed []byte) []byte {
		switch message {
		case 1: // the first question: its end alone is a command that prints the mark
			return append([]byte("echo "), typed[bytes.LastIndex(typed, []byte("settle")):]...)
		case 2: // the second, which asks of no file but the last
			return append([]byte("echo "), typed[bytes.LastIndex(typed, []byte(root)):]...)
		default:
			assert.NoError(t, os.WriteFile(done, nil, 0o600))
			return typed
		}
	})
	assert.FileExists(t, done)
}

// serveTiny serves a shell that is started as in the tiny guest (e2e/devcluster/internal/guest/tiny/root), and again
// when it ends, with a command before it. bash stands for BusyBox, which may not be here.
func serveTiny(t *testing.T, before string) *rest.Config {
	t.Helper()
	started := filepath.Join(t.TempDir(), "started")
	// The test begins when the command runs, and not before: what is typed earlier reaches nothing.
	script := fmt.Sprintf("trap : INT; sh -c 'touch %s; exec %s'", started, before) + `; while :; do
		sh -c "stty -echo; exec env 'PS1=tiny# ' TERM=dumb bash --norc --noediting -i"
	done`
	return serveTerminal(t, func(message int, typed []byte) []byte {
		// In a guest nothing that is typed reaches the program that starts the shell.
		for deadline := time.Now().Add(time.Minute); message == 0 &&
			time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(started); err == nil {
				break
			}
		}
		return typed
	}, "sh", "-c", script)
}

// reach is Shell on a terminal that the test serves.
func reach(t *testing.T, config *rest.Config) *Console {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	guest, err := Shell(ctx, config, "default", "one", nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = guest.Close() })
	return guest
}

func TestShellIsThereWithoutALogin(t *testing.T) {
	t.Parallel()
	guest := reach(t, serveTiny(t, "true"))
	output, err := guest.Run(t.Context(), "echo hello; false")
	assert.ErrorContains(t, err, "exit code 1")
	assert.Equal(t, "hello", output)
}

// TestShellEndsWhatWasLeft: another connection went away in the middle of a command.
func TestShellEndsWhatWasLeft(t *testing.T) {
	t.Parallel()
	output, err := reach(t, serveTiny(t, "sleep 600")).Run(t.Context(), "echo hello")
	require.NoError(t, err)
	assert.Equal(t, "hello", output)
}

// serveShell serves a shell on a real terminal, as KubeVirt serves a guest where alice is logged in, and returns how to
// reach it. What is typed passes through lose, with the number of the message from 0.
func serveShell(t *testing.T, lose func(message int, typed []byte) []byte) *rest.Config {
	t.Helper()
	return serveTerminal(t, lose, "env", "PS1=alice@one:~$ ", "bash", "--norc", "-i")
}

func serveTerminal(t *testing.T, lose func(message int, typed []byte) []byte, command ...string) *rest.Config {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgrader := websocket.Upgrader{Subprotocols: []string{"plain.kubevirt.io"}}
		socket, err := upgrader.Upgrade(w, r, nil)
		if !assert.NoError(t, err) {
			return
		}
		shell := exec.CommandContext(r.Context(), command[0], command[1:]...)
		terminal, err := pty.Start(shell)
		if !assert.NoError(t, err) {
			return
		}
		go func() {
			for chunk := make([]byte, 1024); ; {
				n, err := terminal.Read(chunk)
				if err != nil || socket.WriteMessage(websocket.BinaryMessage, chunk[:n]) != nil {
					return
				}
			}
		}()
		for message := 0; ; message++ {
			_, typed, err := socket.ReadMessage()
			if err != nil {
				break
			}
			if _, err := terminal.Write(lose(message, typed)); err != nil {
				break
			}
		}
		_ = terminal.Close()
		_ = shell.Process.Kill()
		_ = shell.Wait()
	}))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
}

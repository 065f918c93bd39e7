package console

import (
	"context"
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

// cloudInit takes a moment, and says when it is done as the real one does, and by a file that is its own name with .done.
const cloudInit = "#!/bin/sh\nsleep 0.3\ntouch \"$0.done\"\necho; echo status: done\n"

func TestLogInWaitsForCloudInit(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(message int, typed []byte) []byte{
		"a guest that reads all": func(_ int, typed []byte) []byte { return typed },
		"a guest that loses the beginning of the command that waits": func(message int, typed []byte) []byte {
			if message == 1 {
				return typed[len("\ncloud"):]
			}
			return typed
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			program := filepath.Join(folder, "cloud-init")
			require.NoError(t, os.WriteFile(program, []byte(cloudInit), 0o700)) //nolint:gosec // it shall be executable
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()

			guest, err := LogIn(ctx, serveShell(t, folder+":"+os.Getenv("PATH"), lose), "default", "one", "alice", "", nil)
			require.NoError(t, err)
			defer func() { assert.NoError(t, guest.Close()) }()
			assert.FileExists(t, program+".done", "LogIn returned while cloud-init was at work")

			output, err := guest.Run(ctx, "echo hello; false")
			assert.ErrorContains(t, err, "exit code 1")
			assert.Equal(t, "hello", output)
		})
	}
}

func TestLogInToAGuestWithoutCloudInit(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	guest, err := LogIn(ctx, serveShell(t, t.TempDir(), func(_ int, typed []byte) []byte { return typed }), "default", "one", "alice", "", nil)
	require.NoError(t, err)
	assert.NoError(t, guest.Close())
}

// serveShell serves a shell on a real terminal, as KubeVirt serves a guest where alice is logged in, and returns how to reach it.
// What is typed passes through lose, with the number of the message from 0.
func serveShell(t *testing.T, path string, lose func(message int, typed []byte) []byte) *rest.Config {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgrader := websocket.Upgrader{Subprotocols: []string{"plain.kubevirt.io"}}
		socket, err := upgrader.Upgrade(w, r, nil)
		if !assert.NoError(t, err) {
			return
		}
		shell := exec.CommandContext(r.Context(), "bash", "--norc", "-i")
		shell.Env = append(os.Environ(), "PATH="+path, "PS1=alice@one:~$ ")
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

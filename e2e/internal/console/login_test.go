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

// cloudInit takes a moment, and says when it is done by a file that is its own name with .done.
const cloudInit = "#!/bin/sh\nsleep 0.3\ntouch \"$0.done\"\n"

func TestLogInWaitsForCloudInit(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	program := filepath.Join(folder, "cloud-init")
	require.NoError(t, os.WriteFile(program, []byte(cloudInit), 0o700)) //nolint:gosec // it shall be executable
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	guest, err := LogIn(ctx, serveShell(t, folder), "default", "one", "alice", "", nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, guest.Close()) }()
	assert.FileExists(t, program+".done", "LogIn returned while cloud-init was at work")

	output, err := guest.Run(ctx, "echo hello; false")
	assert.ErrorContains(t, err, "exit code 1")
	assert.Equal(t, "hello", output)
}

// serveShell serves a shell on a real terminal, as KubeVirt serves a guest where alice is logged in, and returns how to reach it.
func serveShell(t *testing.T, path string) *rest.Config {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgrader := websocket.Upgrader{Subprotocols: []string{"plain.kubevirt.io"}}
		socket, err := upgrader.Upgrade(w, r, nil)
		if !assert.NoError(t, err) {
			return
		}
		shell := exec.CommandContext(r.Context(), "bash", "--norc", "-i")
		shell.Env = append(os.Environ(), "PATH="+path+":"+os.Getenv("PATH"), "PS1=alice@one:~$ ")
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
		for {
			_, typed, err := socket.ReadMessage()
			if err != nil {
				break
			}
			if _, err := terminal.Write(typed); err != nil {
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

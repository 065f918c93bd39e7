package relay

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A client that sends little has its answer; one that sends too much is cut off, and the server has what it may send.
func TestAConnectionIsCut(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer echo.Close()
	received := make(chan int64, 2)
	go func() {
		for {
			connection, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				count, _ := io.Copy(connection, connection)
				received <- count
			}()
		}
	}()
	entry, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer entry.Close()
	go func() { _ = Relay{Target: echo.Addr().String(), Limit: 1000}.Serve(entry) }()

	client, err := net.Dial("tcp", entry.Addr().String())
	require.NoError(t, err)
	_, err = client.Write(make([]byte, 999))
	require.NoError(t, err)
	answer := make([]byte, 999)
	_, err = io.ReadFull(client, answer)
	require.NoError(t, err, "it lives as long as it sent less")
	_, _ = client.Write(make([]byte, 100000))
	_, _ = io.Copy(io.Discard, client)
	assert.Equal(t, int64(1000), <-received)
	require.NoError(t, client.Close())
}

func TestParse(t *testing.T) {
	relay, err := Parse(":5001=registry:5000", 7)
	require.NoError(t, err)
	assert.Equal(t, Relay{Listen: ":5001", Target: "registry:5000", Limit: 7}, relay)
	for _, wrong := range []string{"", ":5001", "=registry:5000", ":5001="} {
		_, err := Parse(wrong, 7)
		assert.ErrorContains(t, err, "want LISTEN=TARGET", "%q", wrong)
	}
	_, err = Parse(":5001=registry:5000", 0)
	assert.ErrorContains(t, err, "give a limit")
}

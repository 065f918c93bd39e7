package guestagent

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMeterBothWays(t *testing.T) {
	t.Parallel()
	const duration = 200 * time.Millisecond
	for waiting, calling := range map[string]string{"take": "give", "give": "take"} {
		t.Run(waiting, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			rates := make(chan int64, 2)
			go func() {
				rate, err := Meter(waiting, "", port, duration)
				assert.NoError(t, err)
				rates <- rate
			}()
			var rate int64
			require.Eventually(t, func() bool {
				var err error
				rate, err = Meter(calling, "localhost", port, duration)
				return err == nil
			}, 5*time.Second, 10*time.Millisecond, "nobody waits for the call")
			assert.Positive(t, max(rate, <-rates), "the side that takes has counted")
		})
	}
	_, err := Meter("watch", "", "0", duration)
	assert.ErrorContains(t, err, "neither take nor give")
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}

func TestConnect(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	assert.NoError(t, Connect("localhost", port, time.Second))
	require.NoError(t, listener.Close())
	assert.Error(t, Connect("localhost", port, time.Second))
}

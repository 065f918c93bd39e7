package timing

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const events = `{"test":"TestMainJob/Sub","event":"wait","cause":"guest boot","seconds":12.5}
{"test":"TestMainJob/Sub","event":"wait","cause":"guest boot","seconds":2.5}
{"test":"TestMainJob/Sub","event":"wait","cause":"deletion","seconds":1}
{"test":"TestMainJob","event":"boot","guest":"tiny"}
{"test":"TestMainJob","event":"boot","guest":"tiny"}
{"test":"TestMainJob","event":"boot","guest":"debian"}
{"event":"calibration","seconds":2.1,"factor":1.75}

{"test":"TestMainJob","event":"picture","of":"the console"}
{"test":"TestMai`

func TestEventsAreAddedUpByTest(t *testing.T) {
	log, err := Read(strings.NewReader(events))
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"guest boot": 15, "deletion": 1}, log.ByTest["TestMainJob/Sub"].Waits)
	assert.Equal(t, map[string]int{"tiny": 2, "debian": 1}, log.ByTest["TestMainJob"].Boots)
	assert.InDelta(t, 1.75, log.Factor, 0.001)
}

func TestUnknownEventsAreKept(t *testing.T) {
	log, err := Read(strings.NewReader(events))
	require.NoError(t, err)
	require.Len(t, log.Unknown, 2)
	assert.JSONEq(t, `{"test":"TestMainJob","event":"picture","of":"the console"}`, string(log.Unknown[0]))
	assert.JSONEq(t, `"{\"test\":\"TestMai"`, string(log.Unknown[1]))
}

func TestSuiteThatWroteNothing(t *testing.T) {
	log, err := ReadFile(filepath.Join(t.TempDir(), "none"))
	require.NoError(t, err)
	assert.Empty(t, log.ByTest)
	assert.Zero(t, log.Factor)
}

package request

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestDecide(t *testing.T) {
	asked := Mark{At: noon, By: "me"}
	created := noon.Add(-time.Hour)
	mark := func(after time.Duration, by string) string {
		return Mark{At: noon.Add(after), By: types.UID(by)}.String()
	}
	for name, row := range map[string]struct {
		created    time.Time
		annotation string
		now        time.Time
		expected   Verdict
	}{
		"the first one":                     {created, "", noon, Due},
		"later than the last one":           {created, mark(-time.Minute, "other"), noon, Due},
		"asked for in a minute":             {created, "", noon.Add(-time.Minute), Appointed},
		"begun by this object":              {created, mark(0, "me"), noon.Add(time.Hour), Begun},
		"begun, and the clock was put back": {created, mark(0, "me"), noon.Add(-time.Hour), Begun},
		"deleted and applied again":         {created, mark(0, "other"), noon, Handled},
		"Git went back to an older one":     {created, mark(time.Minute, "other"), noon, Superseded},
		"its own later one":                 {created, mark(time.Minute, "me"), noon, Superseded},
		"the WukongVM is younger":           {noon.Add(time.Second), "", noon.Add(time.Minute), Outdated},
		"the WukongVM is of that second":    {noon, "", noon.Add(time.Minute), Outdated},
		"no mark at all":                    {created, "yes please", noon, Due},
	} {
		assert.Equal(t, row.expected, Decide(asked, row.created, row.annotation, row.now), name)
	}
}

func TestMark(t *testing.T) {
	for _, mark := range []Mark{{At: noon, By: "1-2"}, {At: noon}} {
		parsed, ok := Parse(mark.String())
		require.True(t, ok)
		assert.Equal(t, mark, parsed)
	}
	assert.Equal(t, "2026-03-01T12:00:00Z/1-2", Mark{At: noon.In(time.FixedZone("", 3600)), By: "1-2"}.String())
	_, ok := Parse("12 o'clock/1-2")
	assert.False(t, ok)
}

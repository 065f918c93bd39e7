package schedule

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func parsed(t *testing.T, expression, zone string) *Schedule {
	t.Helper()
	location, err := Zone(zone)
	require.NoError(t, err)
	found, err := Parse(expression, location)
	require.NoError(t, err)
	return found
}

// Where clocks change, a time that does not exist comes when the missing hour is over, and one that comes twice comes
// once; an expression of every hour goes on through both.
func TestTimesWhereClocksChange(t *testing.T) {
	for name, row := range map[string]struct {
		expression, zone, after string
		times                   []string
	}{
		"UTC": {"30 3 * * *", "", "2026-03-28T12:00:00Z", []string{"2026-03-29T03:30:00Z", "2026-03-30T03:30:00Z"}},
		"Vienna, a usual day": {"30 3 * * *", "Europe/Vienna", "2026-01-05T00:00:00Z",
			[]string{"2026-01-05T02:30:00Z", "2026-01-06T02:30:00Z"}},
		// On 29 March 2026 the clocks of Vienna change from 02:00 to 03:00, which is 01:00 UTC.
		"Vienna, spring": {"30 2 * * *", "Europe/Vienna", "2026-03-28T00:00:00Z",
			[]string{"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		"Vienna, spring, several in the gap": {"0,20,40 2 * * *", "Europe/Vienna", "2026-03-29T00:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
		// On 25 October 2026 they change from 03:00 to 02:00, which is 01:00 UTC.
		"Vienna, autumn": {"30 2 * * *", "Europe/Vienna", "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		"Vienna, autumn, in the second hour": {"45 2 * * *", "Europe/Vienna", "2026-10-25T01:10:00Z",
			[]string{"2026-10-26T01:45:00Z"}},
		"Vienna, every half hour in autumn": {"*/30 * * * *", "Europe/Vienna", "2026-10-25T00:00:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"}},
		"Vienna, every hour in spring": {"@hourly", "Europe/Vienna", "2026-03-29T00:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"}},
		"Vienna, all hours by a range": {"0 0-23 * * *", "Europe/Vienna", "2026-10-25T00:00:00Z",
			[]string{"2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"}},
		// New York: 8 March 2026 from 02:00 to 03:00 (07:00 UTC), 1 November from 02:00 to 01:00 (06:00 UTC).
		"New York, spring": {"15 2 * * *", "America/New_York", "2026-03-08T00:00:00Z",
			[]string{"2026-03-08T07:00:00Z", "2026-03-09T06:15:00Z"}},
		"New York, autumn": {"15 1 * * *", "America/New_York", "2026-11-01T00:00:00Z",
			[]string{"2026-11-01T05:15:00Z", "2026-11-02T06:15:00Z"}},
		// Lord Howe changes by half an hour: 5 April 2026 from 02:00 to 01:30 (15:00 UTC of the 4th), 4 October from 02:00
		// to 02:30 (15:30 UTC of the 3rd).
		"Lord Howe, spring": {"10 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
			[]string{"2026-10-03T15:30:00Z", "2026-10-04T15:10:00Z"}},
		"Lord Howe, autumn": {"45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z",
			[]string{"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
		"a leap day": {"0 0 29 2 *", "", "2026-03-01T00:00:00Z", []string{"2028-02-29T00:00:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, row.after)
			require.NoError(t, err)
			given := parsed(t, row.expression, row.zone)
			for _, expected := range row.times {
				at = given.Next(at)
				assert.Equal(t, expected, at.Format(time.RFC3339))
			}
			assert.Equal(t, row.times[len(row.times)-1], given.Last(at).Format(time.RFC3339), "at the very time")
			assert.Equal(t, row.times[len(row.times)-1], given.Last(at.Add(time.Second)).Format(time.RFC3339))
		})
	}
}

// Each time of a year is found from every moment before it: no time is lost or repeated.
func TestEachTimeOfAYearComesOnce(t *testing.T) {
	begin, end := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, zone := range []string{"Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"} {
		given := parsed(t, "30 2 * * *", zone)
		var times []time.Time
		for at := given.Next(begin); at.Before(end); at = given.Next(at) {
			times = append(times, at)
		}
		assert.InDelta(t, 365, len(times), 1, zone)
		for i := 1; i < len(times); i++ {
			apart := times[i].Sub(times[i-1])
			assert.InDelta(t, 24*time.Hour, apart, float64(time.Hour), "%s: %s", zone, times[i])
			for _, moment := range []time.Duration{0, time.Minute, 12 * time.Hour, apart - time.Second} {
				assert.Equal(t, times[i], given.Next(times[i-1].Add(moment)), zone)
				assert.Equal(t, times[i-1], given.Last(times[i-1].Add(moment)), zone)
			}
		}
	}
}

func TestLast(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 30, 0, time.UTC)
	for expression, expected := range map[string]time.Time{
		"* * * * *":   time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC),
		"0 12 * * *":  time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC),
		"0 13 * * *":  time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC),
		"@weekly":     time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		"@monthly":    time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		"@yearly":     time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		"0 0 3 3 *":   time.Date(2025, 3, 3, 0, 0, 0, 0, time.UTC),
		"0 0 29 2 *":  time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		"0 3 * * 1-5": time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC),
	} {
		given := parsed(t, expression, "")
		assert.Equal(t, expected, given.Last(now), expression)
		assert.Equal(t, expected, given.Last(now.In(time.FixedZone("far", 9*3600))),
			"%s, on a machine elsewhere", expression)
	}
}

// Whatever the expression, a pass over a schedule costs little: on Sunday, a schedule of each minute of the working
// days has had no time since Friday.
func BenchmarkLast(b *testing.B) {
	given, err := Parse("* 8-18 * * 1-5", time.UTC)
	require.NoError(b, err)
	sunday := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for b.Loop() {
		given.Last(sunday)
	}
}

func TestBetween(t *testing.T) {
	given := parsed(t, "0 * * * *", "")
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	assert.Equal(t, 0, given.Between(noon, noon, 9))
	assert.Equal(t, 0, given.Between(noon, noon.Add(time.Hour), 9), "neither end counts")
	assert.Equal(t, 3, given.Between(noon, noon.Add(4*time.Hour), 9))
	assert.Equal(t, 9, given.Between(noon, noon.Add(400*time.Hour), 9))
}

func TestWhatIsNoSchedule(t *testing.T) {
	for expression, problem := range map[string]string{
		"0 3 * *":    "cannot be read: ",
		"61 3 * * *": `; write the five fields of cron, for example "0 3 * * *"`,
		"@every 1h":  `"@every 1h" is an interval`,
		"0 0 31 2 *": `"0 0 31 2 *" names a time that never comes: correct the day of the month, or the month`,
	} {
		_, err := Parse(expression, time.UTC)
		assert.ErrorContains(t, err, problem)
	}
	for _, zone := range []string{"Europe/Wien", "Local"} {
		_, err := Zone(zone)
		assert.ErrorContains(t, err, `time zone "`+zone+`" is not known`)
	}
	utc, err := Zone("")
	require.NoError(t, err)
	assert.Equal(t, time.UTC, utc)
}

// Package schedule computes the times of cron expressions in a time zone.
//
// github.com/robfig/cron/v3 parses the expressions. Where clocks change, its times are those of neither cron nor
// Kubernetes: it skips a time that falls into the hour that does not exist, and repeats one in the hour that comes
// twice. Here the first comes when the missing hour is over, and the second only once. An expression that matches every
// hour of the day, such as */15 * * * *, has no such times: it goes on through both.
package schedule

import (
	"fmt"
	"time"
	_ "time/tzdata" // the manager's image has no time zones

	"github.com/robfig/cron/v3"
)

// everyHour are the bits of cron.SpecSchedule.Hour of an expression that matches every hour.
const everyHour = 1<<24 - 1

// near is how far before and after a time its zone may have another offset because clocks change, and more.
const near = 26 * time.Hour

// longest exceeds the longest gap that cron knows, the 29th of February around 2100.
const longest = 9 * 366 * 24 * time.Hour

// Schedule is a cron expression in a time zone.
type Schedule struct {
	cron cron.Schedule
	zone *time.Location
	// wall: the expression is evaluated on the wall clock, and each of its times is then looked up in the zone.
	wall bool
}

// Zone returns a time zone of the IANA database; UTC when the name is empty. An error names the zone.
func Zone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("time zone %q is not known: use a name of the IANA time zone database, such as Europe/Vienna",
			name)
	}
	return zone, nil
}

// Parse returns the schedule of an expression with five fields, or of one such as @daily, in a time zone. An error
// continues a sentence that begins with the name of the field.
func Parse(expression string, zone *time.Location) (*Schedule, error) {
	parsed, err := cron.ParseStandard(expression)
	spec, isSpec := parsed.(*cron.SpecSchedule)
	switch {
	case err != nil:
		return nil, fmt.Errorf(`cannot be read: %w; write the five fields of cron, for example "0 3 * * *"`, err)
	case !isSpec:
		return nil, fmt.Errorf(`%q is an interval: write the five fields of cron, for example "0 3 * * *"`, expression)
	}
	found := &Schedule{cron: spec, zone: zone, wall: spec.Hour&everyHour != everyHour}
	spec.Location = zone
	if found.wall {
		spec.Location = time.UTC
	}
	// Next looks five years ahead (github.com/robfig/cron/v3, spec.go), and a leap year begins here.
	if spec.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("%q names a time that never comes: correct the day of the month, or the month", expression)
	}
	return found, nil
}

// Next returns the first time after another one, in UTC; zero when it is more than five years ahead.
func (s *Schedule) Next(after time.Time) time.Time {
	if !s.wall {
		return s.cron.Next(after.In(s.zone)).UTC()
	}
	_, offset := after.In(s.zone).Zone()
	wall := after.UTC().Add(time.Duration(offset) * time.Second)
	for {
		if wall = s.cron.Next(wall); wall.IsZero() {
			return time.Time{}
		}
		// In the hour that comes twice, the wall clock shows times again that have come already.
		if at := s.at(wall); at.After(after) {
			return at
		}
	}
}

// Last returns the last time at or before now, in UTC; zero when there is none. Longer and longer periods are searched,
// so that years of missed minutes are not counted one by one.
func (s *Schedule) Last(now time.Time) time.Time {
	for period := time.Hour; period < 2*longest; period *= 2 {
		var last time.Time
		for at := s.Next(now.Add(-period)); !at.IsZero() && !at.After(now); at = s.Next(at) {
			last = at
		}
		if !last.IsZero() {
			return last
		}
	}
	return time.Time{}
}

// Between counts the times after one and before another, up to a maximum.
func (s *Schedule) Between(after, before time.Time, maximum int) int {
	count := 0
	for at := s.Next(after); !at.IsZero() && at.Before(before) && count < maximum; at = s.Next(at) {
		count++
	}
	return count
}

// at returns when the clocks of the zone show a time, which is given as if they showed UTC: the first time that they
// do, and if they never do, the moment at which they skip it.
func (s *Schedule) at(wall time.Time) time.Time {
	var before time.Time
	for _, apart := range []time.Duration{-near, near} {
		_, offset := wall.Add(apart).In(s.zone).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if shows(at.In(s.zone), wall) {
			return at
		}
		if before.IsZero() {
			before = at
		}
	}
	change, _ := before.In(s.zone).ZoneBounds()
	return change.UTC()
}

// shows reports whether a clock shows the date and time of another one.
func shows(clock, wall time.Time) bool {
	_, offset := clock.Zone()
	return clock.UTC().Add(time.Duration(offset) * time.Second).Equal(wall)
}

package innopaas

import (
	"time"

	"holdfast/internal/provider/lenient"
)

// A clock reads times, which InnoPaaS writes in two forms: its tables show "2023-02-22 12:00:00", its samples RFC 3339.
type clock struct {
	zone    *time.Location // of the first form
	guessed bool           // nobody said that it is this one
}

// read returns a time in UTC, or the zero time if there is none that can be read, and whether its zone is a guess.
func (c clock) read(v lenient.Value) (t time.Time, guessed bool) {
	if t := v.Time(); !t.IsZero() {
		return t, false
	}
	text := v.Text()
	for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, c.zone); err == nil && t.Unix() > 0 && t.UTC().Year() <= 9998 {
			return t.UTC(), c.guessed
		}
	}
	return time.Time{}, false
}

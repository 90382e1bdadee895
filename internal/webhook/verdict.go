package webhook

import "time"

// A Verdict is the error of an attempt to tell a destination: what the failure means for the event and what to do next.
// It holds nothing of an answer's body and no URL.
type Verdict struct {
	Kind       Kind
	Reason     string        // for a person: "status 503", "time-out after 15s", "connection refused"
	Status     int           // of an answer by HTTP; 0 if there was none
	Advice     string        // what a person should do about it, in a sentence; "" if time may heal it
	RetryAfter time.Duration // how long the destination asked us to wait; 0 if it did not
}

func (v *Verdict) Error() string { return v.Reason }

// Kind says what a failed attempt means.
type Kind string

// The kinds.
const (
	// Retry: the attempt failed and another may not (429, 5xx, a time-out, no connection).
	Retry Kind = "retry"
	// Trouble: the destination itself is misconfigured or gone (401, 403, 404, a redirect, a certificate): it is
	// tried again, but a person should look.
	Trouble Kind = "trouble"
	// Gone: the destination says that it is no more (410). It is held at once, and asked rarely.
	Gone Kind = "gone"
	// Refused: the destination does not want this event as it is (400, 413, 422): trying again will not help.
	Refused Kind = "refused"
	// Deferred: not tried, because as many attempts as allowed are under way in this process.
	Deferred Kind = "deferred"
	// Told: it did not fail. No verdict has this kind; attempts that are looked up later do.
	Told Kind = "told"
)

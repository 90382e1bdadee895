package webhook

import (
	"errors"
	"time"
)

// A Record is one webhook and its events, ready to be recorded.
type Record struct {
	Webhook  string // id
	Source   string
	Received time.Time
	Events   []Candidate
}

// A Candidate is an event that may be new, with what follows if it is.
type Candidate struct {
	Event        Event
	Changes      []Change // none for an event that only informs, a test or a stale one
	Destinations []Route  // who wants to be told, sorted by name
}

// Recorded is what a transaction made of records.
type Recorded struct {
	Outcomes [][]Outcome // for each record, for each of its events, in order
	Owed     []Owed      // what the workflow owes after it: unsettled rows of its outbox, by destination name
}

// Owed is a notification that is not settled yet: the events of one workflow that one destination is still to be told.
type Owed struct {
	Destination string   `json:"destination"`
	Events      []string `json:"events"` // ids
	// Handed says that the destination's own workflow tells it: it is held, or has a rate or an order.
	Handed bool `json:"handed,omitempty"`
}

// ErrUnprocessable marks an error that the data itself causes: trying again will not help, but the other webhooks of the
// group are not to blame.
var ErrUnprocessable = errors.New("data cannot be stored")

// The two outcomes of a start that are neither acceptance nor a passing failure.
var (
	ErrDuplicate = errors.New("webhook is known already")
	ErrTooLarge  = errors.New("webhook does not fit in a workflow")
)

// ErrStorage marks the failure of a start that needed the storage for large payloads and did not get it. It may pass,
// and says nothing of Temporal.
var ErrStorage = errors.New("storage did not take a payload")

// Pruned is what was removed of the log and the outbox because nobody needs it any more.
type Pruned struct {
	Opened        bool  `json:"opened,omitempty"`        // a new volume of the log
	Volumes       int64 `json:"volumes,omitempty"`       // of the log
	Events        int64 `json:"events,omitempty"`        // that were in them; roughly, where only the database's estimate is known
	Notifications int64 `json:"notifications,omitempty"` // settled ones, from the outbox
}

package webhook

import "time"

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
	Destinations []string // who wants to be told, by name
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
}

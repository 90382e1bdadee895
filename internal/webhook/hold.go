package webhook

import "time"

// A Hold says that nobody tells a destination for now: what it is owed waits for the destination's own workflow.
type Hold struct {
	Destination string    `json:"destination"`
	Since       time.Time `json:"since"`
	Cause       Cause     `json:"cause"`
	Reason      string    `json:"reason"`           // for a person: the last verdict, or what an operator said
	Advice      string    `json:"advice,omitempty"` // what a person should do about it; empty if time may heal it
	Actor       string    `json:"actor,omitempty"`  // who paused it
	Probes      int       `json:"probes"`           // how often it was asked since, in vain
	Next        time.Time `json:"next,omitzero"`    // when it is asked again; zero if that takes an operator
}

// Cause says who holds a destination.
type Cause string

// The causes.
const (
	ByTrouble  Cause = "trouble"  // it does not take what it is told; it is asked now and then, and released when it does
	ByOperator Cause = "operator" // until somebody resumes it
)

// A Standing is how things are with a destination.
type Standing struct {
	Hold   *Hold     `json:"hold,omitempty"`
	Owed   int       `json:"owed"`             // notifications that are not settled, by whomever they are to be told
	Handed int       `json:"handed"`           // those of them that its own workflow is to tell
	Oldest time.Time `json:"oldest,omitzero"`  // when the first of what is owed was recorded
	Orphan bool      `json:"orphan,omitempty"` // some may be owed by workflows that do not run: it is time to look
}

// A Debt is what a workflow owed a destination and has handed over to the destination's own workflow.
type Debt struct {
	Workflow string
	Sequence int64     // its place in the order in which the destination is told
	Since    time.Time // when it was recorded
	Handed   time.Time // when it was handed over; if that was later, others that are later may have been told
	Events   []Event   // Data of large ones is nil: it is to be read when it is their turn
	// Lost are ids of events that are no longer in the log: they cannot be told any more.
	Lost []string
}

package webhook

import (
	"fmt"
	"time"
)

// A Route is a destination that is to be told of an event, with how it is told.
type Route struct {
	Destination string
	// Own says that the destination is always told by its own workflow, because it has a rate or an order: what it is owed
	// is handed over at once.
	Own bool
	// Ordered says that what it is owed has a sequence, in which it is told.
	Ordered bool
}

// A Policy is how a destination is told, as configured.
type Policy struct {
	Timeout  time.Duration // of one attempt
	Horizon  time.Duration // for how long an event is tried before it waits for an operator
	Batch    int           // events that one attempt may hold; at least 1
	Own      bool          // see [Route]
	Ordered  bool          // likewise
	Parallel int           // attempts at once by its own workflow; at least 1
	Rate     float64       // events in a second, over all workers; 0 if there is no limit
}

// PerTime writes a rate, of so many in a second, as the setting rate has it: 10/s, 30/m or 5/h.
func PerTime(rate float64) string {
	switch {
	case rate >= 1:
		return fmt.Sprintf("%.4g/s", rate)
	case rate*60 >= 1:
		return fmt.Sprintf("%.4g/m", rate*60)
	}
	return fmt.Sprintf("%.4g/h", rate*3600)
}

// A Telling is an event on its way to a destination.
type Telling struct {
	Event    Event
	Workflow string // that owes it
	// OutOfOrder says that an ordered destination may have been told later events of the same account before.
	OutOfOrder bool
	// Answered, if it is set, is told the status of an answer by HTTP: of one that takes the event nothing else would say it.
	Answered func(status int)
}

// Answer tells whoever wants to know which status was answered.
func (t Telling) Answer(status int) {
	if t.Answered != nil {
		t.Answered(status)
	}
}

// A Selection is some events of the log, by what all of its members that are not empty ask for.
type Selection struct {
	Types    []string  `json:"types,omitempty"` // types of the catalog, or patterns as in the setting events of a destination
	Sources  []string  `json:"sources,omitempty"`
	Accounts []string  `json:"accounts,omitempty"`
	Since    time.Time `json:"since,omitzero"` // recorded at this time or later
	Until    time.Time `json:"until,omitzero"` // recorded before this time
	Workflow string    `json:"workflow,omitempty"`
	Webhook  string    `json:"webhook,omitempty"`
	Event    string    `json:"event,omitempty"`
	Unrouted bool      `json:"unrouted,omitempty"` // only those that nobody was to be told of although they were news
}

// A Settlement is what is taken off a debt, with the attempts of which it is to be known. Either may be empty.
type Settlement struct {
	Events   []string // ids that are not owed any more
	How      string   // in a word, why: told, skipped, dropped, lost
	Attempts []Attempt
}

// An Attempt is one attempt to tell a destination of an event, as it is recorded. It holds nothing of what was sent or
// answered but the status.
type Attempt struct {
	Event   string        `json:"event"` // id
	At      time.Time     `json:"at"`    // when it began
	Took    time.Duration `json:"took"`
	Number  int           `json:"number"`           // 1 for the first of those that the same activity has made; a new activity counts anew
	Outcome Kind          `json:"outcome"`          // told, retry, trouble, gone, refused
	Status  int           `json:"status,omitempty"` // of an answer by HTTP
	Reason  string        `json:"reason,omitempty"` // empty if it was told
	Next    time.Time     `json:"next,omitzero"`    // when it is tried again, if that was known
}

package console

import (
	"maps"
	"slices"
	"time"

	"holdfast/internal/state"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// Configured is what the configuration says of a destination.
type Configured struct {
	Type   string
	ToldOf string // of which events it is told, in words
	Policy webhook.Policy
}

// A Destination is how things are with a destination.
type Destination struct {
	Name       string    `json:"name"`
	Type       string    `json:"type,omitempty"` // how it is told
	Stage      string    `json:"stage"`          // flowing, held, paused
	Configured bool      `json:"configured"`     // in the configuration of whoever answers
	Since      time.Time `json:"since,omitzero"` // held or paused
	Reason     string    `json:"reason,omitempty"`
	Advice     string    `json:"advice,omitempty"` // what a person should do
	Actor      string    `json:"actor,omitempty"`  // who paused or resumed it
	Probes     int       `json:"probes,omitempty"` // how often it was asked in vain
	Next       time.Time `json:"next,omitzero"`    // when it is asked again
	Owed       int       `json:"owed"`             // notifications that are not settled
	Handed     int       `json:"handed"`           // those of them that its own workflow tells
	Oldest     time.Time `json:"oldest,omitzero"`  // when the first of what is owed was recorded
	Own        bool      `json:"own,omitempty"`    // always told by its own workflow, because it has a rate or an order
	Rate       float64   `json:"rate,omitempty"`   // events in a second at most
	Ordered    bool      `json:"ordered,omitempty"`
	Parallel   int       `json:"parallel,omitempty"` // attempts at once by its own workflow
	ToldOf     string    `json:"told_of,omitempty"`
}

// Destinations are those that are configured, held, or owed something, by name.
func Destinations(configured map[string]Configured, standings map[string]webhook.Standing) []Destination {
	names := maps.Clone(standings)
	if names == nil {
		names = map[string]webhook.Standing{}
	}
	for name := range configured {
		if _, ok := names[name]; !ok {
			names[name] = webhook.Standing{}
		}
	}
	all := make([]Destination, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c, known := configured[name]
		all = append(all, destination(name, c, known, names[name]))
	}
	return all
}

func destination(name string, c Configured, known bool, s webhook.Standing) Destination {
	d := Destination{
		Name: name, Type: c.Type, Stage: workflows.StageFlowing, Configured: known, ToldOf: c.ToldOf,
		Owed: s.Owed, Handed: s.Handed, Oldest: s.Oldest,
		Rate: c.Policy.Rate, Ordered: c.Policy.Ordered,
	}
	if c.Policy.Own {
		d.Own, d.Parallel = true, c.Policy.Parallel
	}
	if h := s.Hold; h != nil {
		d.Stage = workflows.StageHeld
		if h.Cause == webhook.ByOperator {
			d.Stage = workflows.StagePaused
		}
		d.Since, d.Reason, d.Advice, d.Actor, d.Probes, d.Next = h.Since, h.Reason, h.Advice, h.Actor, h.Probes, h.Next
	}
	return d
}

// An Attempt is one attempt to tell a destination of an event.
type Attempt struct {
	At          time.Time    `json:"at"` // when it began
	Destination string       `json:"destination"`
	Event       string       `json:"event"`
	Workflow    string       `json:"workflow"` // that owed it
	Number      int          `json:"number"`
	Outcome     webhook.Kind `json:"outcome"` // told, retry, trouble, gone, refused
	Status      int          `json:"status,omitempty"`
	Seconds     float64      `json:"seconds"` // that it took
	Reason      string       `json:"reason,omitempty"`
	Next        time.Time    `json:"next,omitzero"` // when it is tried again, if that was known
}

// Attempts are attempts as operators see them.
func Attempts(list []state.Attempted) []Attempt {
	all := make([]Attempt, len(list))
	for i, a := range list {
		all[i] = Attempt{
			At: a.At, Destination: a.Destination, Event: a.Event, Workflow: a.Workflow, Number: a.Number, Outcome: a.Outcome,
			Status: a.Status, Seconds: a.Took.Seconds(), Reason: a.Reason, Next: a.Next,
		}
	}
	return all
}

// An Event is an event of the log without what it says, and without the number that it is about.
type Event struct {
	ID       string          `json:"id"`
	Type     webhook.Type    `json:"type"`
	Time     time.Time       `json:"time"`     // when it happened
	Recorded time.Time       `json:"recorded"` // when we knew
	Source   string          `json:"source"`
	Account  string          `json:"account,omitempty"`
	Webhook  string          `json:"webhook"`
	Workflow string          `json:"workflow"` // that recorded it
	Outcome  webhook.Outcome `json:"outcome"`
	Routes   []string        `json:"routes"` // destinations that were to be told; none: nobody wanted it, or it was no news
	Test     bool            `json:"test,omitempty"`
}

func event(l state.Logged) Event {
	return Event{
		ID: l.Event.ID, Type: l.Event.Type, Time: l.Event.Time, Recorded: l.Recorded, Source: l.Event.Source, Account: l.Event.Account,
		Webhook: l.Event.Webhook, Workflow: l.Workflow, Outcome: l.Outcome, Test: l.Event.Test,
		Routes: append([]string{}, l.Routes...),
	}
}

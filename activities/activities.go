// Package activities holds the deeds that workflows order. [Activities] are those of webhooks: Verify, Normalize, Handle,
// Notify and Settle. Each takes a whole group and gives an outcome for each element, so that one bad element never harms
// its neighbours. [Destinations] are those of destinations: Look, Pause, Resume, Sweep and Drain,
// and what operators order for them.
//
// Verify and Normalize depend on their input and the configuration only. Handle is one transaction. Notify speaks to
// destinations and settles the outbox; of one that is in trouble, or has a rate or an order, it lets go, and Drain tells it. The
// package declares what it needs of the others as ports.
package activities

import (
	"context"
	"time"

	"holdfast/internal/webhook"
)

// Activities are the deeds of webhooks, with what they need. All members must be set, but for those that say otherwise;
// they are safe for concurrent use.
type Activities struct {
	// Sources finds the dialect of a configured source; nil if there is none of that name.
	Sources  func(source string) Dialect
	State    State
	Notifier Notifier
	Log      Log
	Desk     Desk
	// Restarter is for workflows that an operator has begin anew.
	Restarter Restarter
	// Key makes event ids that nobody else can guess or reverse: the installation's key, for ever the same.
	Key []byte
	// Dedupe is how long duplicates are remembered. What happened longer ago is recorded, but not told.
	Dedupe time.Duration
	// Size measures what a result will take in a workflow's history, after compression.
	Size func(v any) (bytes int, err error)
	// MaxResult is how many bytes, measured by Size, the events of a group may take; 0 is what fits in a history. With a
	// storage for larger payloads it may be more.
	MaxResult int
	// Storage is that storage; nil if there is none.
	Storage Storage
	// Metrics counts what the activities see.
	Metrics *Metrics

	watch watch
}

// A Dialect verifies and normalizes the webhooks of one source.
type Dialect interface {
	Verify(ev webhook.Evidence, body []byte, received time.Time) error
	Normalize(body []byte, received time.Time) []webhook.Event
}

// State records events and what they change, and remembers what is owed to whom.
type State interface {
	// Record stores the events of a group in one transaction: event log, facts and outbox. Recording again what this
	// workflow has recorded changes nothing and gives the same answer. An error that wraps [webhook.ErrUnprocessable] is
	// the fault of the data.
	Record(ctx context.Context, workflow string, records []webhook.Record) (webhook.Recorded, error)
	// Owed returns the events that a workflow owes a destination, in order; none if that is settled.
	Owed(ctx context.Context, workflow, destination string) ([]webhook.Event, error)
	// Settle takes events off what a workflow owes a destination, and notes the attempts. When none is left it is settled;
	// how says in a word why. Settling what is settled changes nothing.
	Settle(ctx context.Context, workflow, destination string, s webhook.Settlement) error
	// Hold makes sure that nobody tells a destination, and reports whether that is news.
	Hold(ctx context.Context, h webhook.Hold) (news bool, err error)
	// HandOver hands what a workflow owes a destination over to the destination's own workflow if the destination is held
	// for that cause, or for any if cause is empty, and reports whether it is handed over now.
	HandOver(ctx context.Context, workflow, destination string, cause webhook.Cause) (handed bool, err error)
	// Give hands what a workflow owes a destination over to the destination's own workflow, held or not, and reports whether
	// there is anything.
	Give(ctx context.Context, workflow, destination string) (handed bool, err error)
}

// A Desk reaches other workflows.
type Desk interface {
	// Look makes a destination's workflow look at what is held and owed. It starts it if it does not run.
	Look(ctx context.Context, destination string) error
	// Running reports whether a workflow runs, in whichever run.
	Running(ctx context.Context, workflow string) (bool, error)
	// Part starts the workflow of what could not be told with the rest, unless it runs already.
	Part(ctx context.Context, p Parted) error
}

// Log forgets.
type Log interface {
	// Prune removes what is older than the time for which duplicates are remembered, and not owed. It works in small steps
	// and calls beat now and then; what is done remains done when it fails. The result says what was removed, also then.
	Prune(ctx context.Context, dedupe time.Duration, beat func()) (webhook.Pruned, error)
}

// Notifier knows the destinations.
type Notifier interface {
	// Route returns those who want to be told of an event, sorted by name.
	Route(e webhook.Event) []webhook.Route
	// Policy is how a destination is told; false if it is not configured.
	Policy(destination string) (webhook.Policy, bool)
	// Tell makes one attempt to tell of one event, or of as many as the policy's batch. The error is a [webhook.Verdict], for
	// all of them.
	Tell(ctx context.Context, destination string, batch []webhook.Telling) error
}

package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"holdfast/internal/webhook"
)

// Destinations are the deeds of the workflows that destinations have, with what they need. All members must be set; they
// are safe for concurrent use.
type Destinations struct {
	Ledger   Ledger
	Book     Book
	Notifier Notifier
	Desk     Desk
	Metrics  *Metrics
	// OrphanAge is how old a debt must be before anybody asks whether the workflow that owes it still runs.
	OrphanAge time.Duration
}

// A Ledger knows what destinations are owed, by whomever, and which are held.
type Ledger interface {
	// Standing returns how things are with a destination. Orphan says that Suspects of the same age has something to give.
	Standing(ctx context.Context, destination string, age time.Duration) (webhook.Standing, error)
	// Hold makes sure that nobody tells a destination, and reports whether that is news. A hold by an operator replaces
	// any other. One by trouble replaces none by an operator, and another by trouble only if it comes from a probe.
	Hold(ctx context.Context, h webhook.Hold) (news bool, err error)
	// Held returns the hold of a destination; nil if it has none.
	Held(ctx context.Context, destination string) (*webhook.Hold, error)
	// Resume makes any hold one that is to be probed at once.
	Resume(ctx context.Context, destination, reason, actor string) error
	// Release ends a hold by trouble. What was handed over because of it can be seen when it returns.
	Release(ctx context.Context, destination string) error
	// Suspects returns workflows that owe a destination something of that age and may not run any more; each to one caller,
	// and ever more rarely.
	Suspects(ctx context.Context, destination string, age time.Duration, limit int) ([]string, error)
	// Adopt hands over what workflows owe a destination that do not run any more.
	Adopt(ctx context.Context, destination string, workflows []string) error
	// Handed returns what was handed over, recorded before a time and behind a place in the destination's sequence, in that
	// order: as many whole debts as have so many events. Large events are without their data: they are for Events.
	Handed(ctx context.Context, destination string, before time.Time, after int64, events int) ([]webhook.Debt, error)
	// Events returns events of the log, in no order; those that are not there are left out.
	Events(ctx context.Context, ids []string) ([]webhook.Event, error)
	// SettleAll settles many debts to one destination, by workflow, and notes the attempts.
	SettleAll(ctx context.Context, destination string, debts map[string]webhook.Settlement) error
	// Part gives events that a workflow owes a destination to another workflow.
	Part(ctx context.Context, workflow, destination string, events []string, to string) error
}

// DestinationInput names a destination.
type DestinationInput struct {
	Destination string `json:"destination"`
	// Last is when a destination that has a rate was tried last, so that the rate holds from one drain to the next.
	Last time.Time `json:"last,omitzero"`
}

// A Standing is how things are with a destination, and how it is told as far as this worker knows.
type Standing struct {
	webhook.Standing
	Configured bool      `json:"configured"`
	Own        bool      `json:"own,omitempty"` // only its own workflow tells it
	Ordered    bool      `json:"ordered,omitempty"`
	Rate       float64   `json:"rate,omitempty"` // events in a second
	At         time.Time `json:"at"`             // when it was looked up
}

// Look looks up how things are with a destination.
func (d *Destinations) Look(ctx context.Context, in DestinationInput) (Standing, error) {
	s, err := d.Ledger.Standing(ctx, in.Destination, d.OrphanAge)
	if err != nil {
		return Standing{}, fmt.Errorf("look up destination: %w", err)
	}
	p, configured := d.Notifier.Policy(in.Destination)
	return Standing{Standing: s, Configured: configured, Own: p.Own, Ordered: p.Ordered, Rate: p.Rate, At: time.Now().UTC()}, nil
}

// OrderInput is what an operator wants.
type OrderInput struct {
	Destination string `json:"destination"`
	Reason      string `json:"reason,omitempty"`
	Actor       string `json:"actor,omitempty"`
}

// Pause holds a destination until an operator resumes it. Attempts under way are not harmed.
func (d *Destinations) Pause(ctx context.Context, in OrderInput) error {
	h := webhook.Hold{Destination: in.Destination, Since: time.Now(), Cause: webhook.ByOperator, Reason: in.Reason, Actor: in.Actor}
	news, err := d.Ledger.Hold(ctx, h)
	if err != nil {
		return fmt.Errorf("hold destination: %w", err)
	}
	if news {
		d.Metrics.held(in.Destination, webhook.ByOperator)
	}
	return nil
}

// Resume has a destination that is held, by whomever, be asked at once. It is released when it takes something.
func (d *Destinations) Resume(ctx context.Context, in OrderInput) error {
	if err := d.Ledger.Resume(ctx, in.Destination, in.Reason, in.Actor); err != nil {
		return fmt.Errorf("resume destination: %w", err)
	}
	return nil
}

// SweepResult says what a sweep found.
type SweepResult struct {
	Asked   int `json:"asked"`
	Adopted int `json:"adopted"`
}

const sweepPortion = 20 // workflows that are asked about between two heartbeats

// Sweep looks for what is owed by workflows that do not run any more, because they were terminated or are not known to
// this Temporal, and hands it over. Those that run, retrying or parked, keep what they owe.
func (d *Destinations) Sweep(ctx context.Context, in DestinationInput) (SweepResult, error) {
	var out SweepResult
	for {
		workflows, err := d.Ledger.Suspects(ctx, in.Destination, d.OrphanAge, sweepPortion)
		if err != nil {
			return out, fmt.Errorf("find what may have no owner: %w", err)
		}
		var orphans []string
		for _, w := range workflows {
			runs, err := d.Desk.Running(ctx, w)
			if err != nil { // those that were found are orphans nevertheless
				err = errors.Join(fmt.Errorf("ask whether a workflow runs: %w", err), d.Ledger.Adopt(ctx, in.Destination, orphans))
				return out, err
			}
			if !runs {
				orphans = append(orphans, w)
			}
		}
		if err := d.Ledger.Adopt(ctx, in.Destination, orphans); err != nil {
			return out, fmt.Errorf("adopt what has no owner: %w", err)
		}
		out.Asked += len(workflows)
		out.Adopted += len(orphans)
		if len(workflows) < sweepPortion {
			return out, nil
		}
		activity.RecordHeartbeat(ctx, out)
	}
}

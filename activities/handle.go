package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"holdfast/internal/webhook"
)

// HandleInput is a group of normalized webhooks.
type HandleInput struct {
	Webhooks []Normalized `json:"webhooks"`
}

// HandleResult says what became of each webhook, in order, and what the workflow owes to whom.
type HandleResult struct {
	Webhooks []Handled      `json:"webhooks"`
	Owed     []Notification `json:"owed,omitempty"`
}

// Handled is one webhook after it was recorded.
type Handled struct {
	Problem  string            `json:"problem,omitempty"` // why it could not be recorded; then it has no outcomes
	Outcomes []webhook.Outcome `json:"outcomes,omitempty"`
	Unrouted int               `json:"unrouted,omitempty"` // events that are news, and that no destination wants
}

// Notification is what one destination is to be told.
type Notification struct {
	Destination string        `json:"destination"`
	Events      []string      `json:"events"`  // ids
	Horizon     time.Duration `json:"horizon"` // how long to try, as configured when it was recorded
	// Handed says that the destination's own workflow tells it: it is held, or has a rate or an order.
	Handed bool `json:"handed,omitempty"`
}

// Handle records the events of a group, what they change and who is to be told, in one transaction. Where the data of one
// webhook makes that impossible, the others are recorded one by one and that one comes back with a problem.
func (a *Activities) Handle(ctx context.Context, in HandleInput) (HandleResult, error) {
	workflow := activity.GetInfo(ctx).WorkflowExecution.ID
	records := make([]webhook.Record, len(in.Webhooks))
	for i, w := range in.Webhooks {
		records[i] = a.record(w)
	}
	out := HandleResult{Webhooks: make([]Handled, len(records))}
	recorded, err := a.State.Record(ctx, workflow, records)
	switch {
	case err == nil:
		for i, outcomes := range recorded.Outcomes {
			out.Webhooks[i].Outcomes = outcomes
		}
	case errors.Is(err, webhook.ErrUnprocessable):
		for i, r := range records {
			one, err := a.State.Record(ctx, workflow, []webhook.Record{r})
			switch {
			case err == nil:
				out.Webhooks[i].Outcomes, recorded.Owed = one.Outcomes[0], one.Owed
			case errors.Is(err, webhook.ErrUnprocessable):
				out.Webhooks[i].Problem = "cannot be recorded"
			default:
				return HandleResult{}, fmt.Errorf("record events: %w", err)
			}
		}
	default:
		return HandleResult{}, fmt.Errorf("record events: %w", err)
	}
	for _, owed := range recorded.Owed {
		out.Owed = append(out.Owed, Notification{
			Destination: owed.Destination, Events: owed.Events, Horizon: horizon(a.Notifier, owed.Destination), Handed: owed.Handed,
		})
	}
	for i, w := range in.Webhooks {
		for j, outcome := range out.Webhooks[i].Outcomes {
			unrouted := outcome.Told() && len(records[i].Events[j].Destinations) == 0
			if unrouted {
				out.Webhooks[i].Unrouted++
			}
			a.Metrics.outcome(w.Events[j], outcome, unrouted)
		}
	}
	return out, nil
}

func (a *Activities) record(w Normalized) webhook.Record {
	r := webhook.Record{Webhook: w.Webhook, Source: w.Source, Received: w.Received, Events: make([]webhook.Candidate, len(w.Events))}
	for i, e := range w.Events {
		// What turns out not to be told is routed as well: the log says who would have been.
		c := webhook.Candidate{Event: e, Destinations: a.Notifier.Route(e)}
		if !e.Stale && !e.Test {
			c.Changes = changes(e)
		}
		r.Events[i] = c
	}
	return r
}

// defaultHorizon is for destinations that were taken out of the configuration while something was owed to them.
const defaultHorizon = 72 * time.Hour

func horizon(n Notifier, destination string) time.Duration {
	if p, ok := n.Policy(destination); ok {
		return p.Horizon
	}
	return defaultHorizon
}

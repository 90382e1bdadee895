package activities

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"holdfast/internal/webhook"
)

// A Book has what was recorded, for operators who have it told again, or let go what is owed.
type Book interface {
	// Count says how many events of the log are selected.
	Count(ctx context.Context, s webhook.Selection) (int, error)
	// Replay makes a destination be owed the next of the selected events, in recorded order, and hands them over to its own
	// workflow. After is where the portion before ended, "" at the beginning; next is where this one did, "" at the end. The
	// same portion again for the same owner adds nothing.
	Replay(ctx context.Context, s webhook.Selection, to webhook.Route, owner, after string, limit int) (n int, next string, err error)
	// Drop settles what was handed over for a destination and recorded before a time, without telling it. It works in small
	// steps and calls beat now and then. Debts are rows of the outbox.
	Drop(ctx context.Context, destination string, before time.Time, beat func()) (debts, events int, err error)
}

// CountSelected says how many events of the log are selected.
func (d *Destinations) CountSelected(ctx context.Context, s webhook.Selection) (int, error) {
	defer beating(func() { activity.RecordHeartbeat(ctx) })()
	n, err := d.Book.Count(ctx, s)
	if err != nil {
		return 0, fmt.Errorf("count selected events: %w", err)
	}
	return n, nil
}

// HandOverInput says which events of the log a destination is to be told.
type HandOverInput struct {
	Destination string            `json:"destination"`
	Selection   webhook.Selection `json:"selection"`
	Owner       string            `json:"owner"`           // begins the names under which they are owed
	After       string            `json:"after,omitempty"` // where the activity before ended
}

// HandOverResult says how many events were handed over, and where to go on.
type HandOverResult struct {
	Events int    `json:"events"`
	After  string `json:"after,omitempty"`
	Done   bool   `json:"done,omitempty"` // there are no more
}

const (
	handOverPortion  = 200 // events in one transaction, and in a row of the outbox
	handOverPortions = 50  // of one activity, so that the workflow sees how far it is and can be paused
)

// UnknownDestination is the type of the application error of a replay to a destination that is not configured.
const UnknownDestination = "UnknownDestination"

// HandOverSelected makes a destination be owed events of the log once more, under the ids that they have, and hands them
// over to the destination's own workflow. It ends after some portions, or early if it is cancelled or the worker stops:
// what it says is where the next one goes on.
func (d *Destinations) HandOverSelected(ctx context.Context, in HandOverInput) (HandOverResult, error) {
	policy, ok := d.Notifier.Policy(in.Destination)
	if !ok {
		return HandOverResult{}, temporal.NewNonRetryableApplicationError(
			"destination "+in.Destination+" is not in the configuration of the worker", UnknownDestination, nil)
	}
	to := webhook.Route{Destination: in.Destination, Own: policy.Own, Ordered: policy.Ordered}
	done := HandOverResult{After: in.After}
	if activity.HasHeartbeatDetails(ctx) {
		var before HandOverResult
		if activity.GetHeartbeatDetails(ctx, &before) == nil { // else of another version: from the beginning, which adds nothing
			done = before
		}
	}
	var known atomic.Pointer[HandOverResult]
	begun := done
	known.Store(&begun)
	defer beating(func() { activity.RecordHeartbeat(ctx, *known.Load()) })()
	stop := activity.GetWorkerStopChannel(ctx)
	for range handOverPortions {
		if done.Done || stopping(stop) {
			break
		}
		n, next, err := d.Book.Replay(ctx, in.Selection, to, in.Owner, done.After, handOverPortion)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return HandOverResult{}, fmt.Errorf("hand over selected events: %w", err)
		}
		now := HandOverResult{Events: done.Events + n, After: next, Done: next == ""}
		done = now
		known.Store(&now)
		activity.RecordHeartbeat(ctx, now)
	}
	if done.Events > 0 {
		// Whoever looks after destinations finds it later.
		if err := d.Desk.Look(context.WithoutCancel(ctx), in.Destination); err != nil {
			activity.GetLogger(ctx).Warn("Events handed over, but the destination's workflow does not know yet", "destination", in.Destination, "error", err)
		}
	}
	return done, nil
}

func stopping(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// DropInput names a destination and what it is not to be told any more.
type DropInput struct {
	Destination string    `json:"destination"`
	Before      time.Time `json:"before"` // what was recorded before
}

// DropResult says how many notifications were let go, and how many events there were in them.
type DropResult struct {
	Notifications int `json:"notifications"`
	Events        int `json:"events"`
}

// DropOwed lets go what was handed over for a destination. What workflows see to themselves is theirs.
func (d *Destinations) DropOwed(ctx context.Context, in DropInput) (DropResult, error) {
	var done DropResult // with what attempts before this one have dropped
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &done) // of another version: it counts anew
	}
	debts, events, err := d.Book.Drop(ctx, in.Destination, in.Before, func() { activity.RecordHeartbeat(ctx, done) })
	done.Notifications += debts
	done.Events += events
	if err != nil {
		activity.RecordHeartbeat(ctx, done)
		return DropResult{}, fmt.Errorf("drop what is owed: %w", err)
	}
	return done, nil
}

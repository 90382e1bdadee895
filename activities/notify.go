package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"holdfast/internal/webhook"
)

// NotifyInput says whom to tell. Events are given for the first, local attempt only, where they cost nothing; a regular
// activity finds what is still owed in the outbox, so that a history holds no event twice.
type NotifyInput struct {
	Destination string          `json:"destination"`
	Events      []webhook.Event `json:"events,omitempty"`
}

// NotifyResult says what is still owed.
type NotifyResult struct {
	Told int    `json:"told"`
	Left []Left `json:"left,omitempty"`
	// Unsettled are the ids of events that were told although the outbox could not be reached afterwards to say so.
	Unsettled []string `json:"unsettled,omitempty"`
}

// Left is an event that a destination was not told.
type Left struct {
	Event  string       `json:"event"`
	Kind   webhook.Kind `json:"kind"`
	Reason string       `json:"reason"`
}

// Only reports whether every event that is left is left for that kind of reason.
func (r NotifyResult) Only(kind webhook.Kind) bool {
	return !slices.ContainsFunc(r.Left, func(l Left) bool { return l.Kind != kind })
}

// The types of the application errors that Notify fails with.
const (
	// DestinationUnavailable: some events are still owed, and trying again may help.
	DestinationUnavailable = "DestinationUnavailable"
	// DestinationBusy: as many attempts as allowed are under way in the process; nothing was tried.
	DestinationBusy = "DestinationBusy"
)

// Settled says why an outbox row is settled.
const (
	SettledTold    = "told"
	SettledSkipped = "skipped"
)

const (
	firstAttempt  = 2 * time.Second // of all events of a notification together: a workflow task waits for it
	parallelTells = 16              // of one notification; the destination's own cap holds over all
	giveUpAfter   = 3               // failures in one attempt, after which the rest is not tried: the destination is down
	settleTimeout = 2 * time.Second
	busyRetry     = time.Second // and as much again for each attempt before
	maxBusyRetry  = time.Minute
	notTried      = "not tried: the attempts before it failed"
)

// Notify tells a destination about events.
//
// As a local activity it makes a single short attempt with the events given, and its error is nil: what is left over is
// in the result. As a regular activity it tells what the outbox says is owed, and fails if anything is left that another
// attempt may settle, so that Temporal retries it; what was refused for itself is left over in the result.
func (a *Activities) Notify(ctx context.Context, in NotifyInput) (NotifyResult, error) {
	info := activity.GetInfo(ctx)
	workflow := info.WorkflowExecution.ID
	if info.IsLocalActivity {
		attempt, cancel := context.WithTimeout(ctx, firstAttempt)
		defer cancel()
		result, _ := a.tell(attempt, in.Destination, in.Events, nil)
		told := result.told(in.Events)
		if err := a.settle(ctx, workflow, in.Destination, told); err != nil {
			activity.GetLogger(ctx).Warn("Told, but the outbox is not settled yet", "destination", in.Destination, "error", err)
			result.Unsettled = told
		}
		return result, nil
	}

	owed, err := a.State.Owed(ctx, workflow, in.Destination)
	if err != nil {
		return NotifyResult{}, fmt.Errorf("read outbox: %w", err)
	}
	var refused []Left // by earlier attempts: it would be refused again
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &refused); err != nil {
			refused = nil // of an older version: at worst they are refused again
		}
	}
	result, wait := a.tell(ctx, in.Destination, owed, refused)
	if err := a.settle(context.WithoutCancel(ctx), workflow, in.Destination, result.told(owed)); err != nil {
		return NotifyResult{}, fmt.Errorf("settle outbox: %w", err)
	}
	if len(result.Left) == 0 || result.Only(webhook.Refused) {
		return result, nil
	}
	return NotifyResult{}, a.unavailable(ctx, in.Destination, result, wait)
}

// tell makes one attempt for each event, several at once, and says how long the destination asked to be left alone.
func (a *Activities) tell(ctx context.Context, destination string, events []webhook.Event, refused []Left) (NotifyResult, time.Duration) {
	var (
		mu       sync.Mutex
		result   NotifyResult
		wait     time.Duration
		failures int
		tries    errgroup.Group
	)
	tries.SetLimit(parallelTells)
	leave := func(event string, kind webhook.Kind, reason string) {
		result.Left = append(result.Left, Left{event, kind, reason})
	}
	for _, e := range events {
		if i := slices.IndexFunc(refused, func(l Left) bool { return l.Event == e.ID }); i >= 0 {
			mu.Lock()
			result.Left = append(result.Left, refused[i])
			mu.Unlock()
			continue
		}
		tries.Go(func() error {
			mu.Lock()
			if failures >= giveUpAfter || ctx.Err() != nil {
				leave(e.ID, webhook.Retry, notTried)
				mu.Unlock()
				return nil
			}
			mu.Unlock()
			err := a.Notifier.Tell(ctx, destination, e)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				result.Told++
				failures = 0
				a.progress(ctx, result)
				return nil
			}
			verdict := verdictOf(err)
			if verdict.Kind != webhook.Refused {
				failures++
			}
			wait = max(wait, verdict.RetryAfter)
			leave(e.ID, verdict.Kind, verdict.Reason)
			a.progress(ctx, result)
			return nil
		})
	}
	_ = tries.Wait() // the functions return nil
	// In the order of the outbox, which the goroutines do not keep.
	position := make(map[string]int, len(events))
	for i, e := range events {
		position[e.ID] = i
	}
	slices.SortFunc(result.Left, func(x, y Left) int { return cmp.Compare(position[x.Event], position[y.Event]) })
	return result, wait
}

// progress lets the server know that the attempt is alive, and the next attempt what was refused.
func (a *Activities) progress(ctx context.Context, r NotifyResult) {
	if activity.GetInfo(ctx).IsLocalActivity {
		return
	}
	var refused []Left
	for _, l := range r.Left {
		if l.Kind == webhook.Refused {
			refused = append(refused, l)
		}
	}
	activity.RecordHeartbeat(ctx, refused)
}

// told lists the events that are not left.
func (r NotifyResult) told(events []webhook.Event) []string {
	var out []string
	for _, e := range events {
		if !slices.ContainsFunc(r.Left, func(l Left) bool { return l.Event == e.ID }) {
			out = append(out, e.ID)
		}
	}
	return out
}

func (a *Activities) settle(ctx context.Context, workflow, destination string, told []string) error {
	if len(told) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	return a.State.Settle(ctx, workflow, destination, told, SettledTold)
}

// unavailable is the error that makes Temporal try again: outermost, or its type would be lost.
func (a *Activities) unavailable(ctx context.Context, destination string, r NotifyResult, wait time.Duration) error {
	if r.Only(webhook.Deferred) {
		return temporal.NewApplicationErrorWithOptions(
			fmt.Sprintf("%s: as many attempts as allowed are under way", destination), DestinationBusy,
			temporal.ApplicationErrorOptions{NextRetryDelay: min(time.Duration(activity.GetInfo(ctx).Attempt)*busyRetry, maxBusyRetry), Category: temporal.ApplicationErrorCategoryBenign})
	}
	first := r.Left[slices.IndexFunc(r.Left, func(l Left) bool { return l.Kind != webhook.Refused && l.Kind != webhook.Deferred })]
	return temporal.NewApplicationErrorWithOptions(
		fmt.Sprintf("%s: %s; %d told, %d left", destination, first.Reason, r.Told, len(r.Left)), DestinationUnavailable,
		// Benign: that others are down is no fault of the worker's, and is counted where it is noticed.
		temporal.ApplicationErrorOptions{NextRetryDelay: wait, Category: temporal.ApplicationErrorCategoryBenign})
}

func verdictOf(err error) *webhook.Verdict {
	if v, ok := errors.AsType[*webhook.Verdict](err); ok {
		return v
	}
	return &webhook.Verdict{Kind: webhook.Retry, Reason: "attempt failed"} // an error of another kind may hold anything
}

// SettleInput names events that a destination need not be told any more.
type SettleInput struct {
	Destination string   `json:"destination"`
	Events      []string `json:"events"`
	How         string   `json:"how"`
}

// Settle writes to the outbox what an operator decided, or what an attempt could not write.
func (a *Activities) Settle(ctx context.Context, in SettleInput) error {
	if err := a.State.Settle(ctx, activity.GetInfo(ctx).WorkflowExecution.ID, in.Destination, in.Events, in.How); err != nil {
		return fmt.Errorf("settle outbox: %w", err)
	}
	return nil
}

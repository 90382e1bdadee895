package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	// Handed says that the destination is held, and that its own workflow tells it what is left.
	Handed bool `json:"handed,omitempty"`
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
	// The first attempt of all events of a notification together: a workflow task waits for it. After firstAttempt no
	// event is begun any more; those begun may take as long again, so that a receiver of some seconds is not told twice.
	firstAttempt  = 1500 * time.Millisecond
	lastAnswer    = 4 * time.Second
	portion       = 64 // events of a regular attempt between two settlements
	parallelTells = 16 // of one notification; the destination's own cap holds over all
	giveUpAfter   = 3  // failures in one attempt, after which the rest is not tried: the destination is down
	settleTimeout = 2 * time.Second
	beatEvery     = 5 * time.Second
	busyRetry     = 2 * time.Second // and as much again for each attempt before, up to a minute
	notTried      = "not tried"
	busy          = "as many attempts as allowed are under way"
)

// Notify tells a destination about events.
//
// As a local activity it makes a single short attempt with the events given, and its error is nil: what is left over is
// in the result. As a regular activity it tells what the outbox says is owed, and fails if anything is left that another
// attempt may settle, so that Temporal retries it; what was refused for itself is left over in the result. If the
// destination is held, or turns out to be in trouble, what is left is handed over to the destination's own workflow.
func (a *Activities) Notify(ctx context.Context, in NotifyInput) (NotifyResult, error) {
	info := activity.GetInfo(ctx)
	workflow := info.WorkflowExecution.ID
	if info.IsLocalActivity {
		attempt, cancel := context.WithTimeout(ctx, lastAnswer)
		defer cancel()
		enough := make(chan struct{})
		end, begun := a.watch.first(in.Destination)
		defer end()
		if !begun {
			close(enough) // others wait for the task that this takes
		} else {
			defer time.AfterFunc(firstAttempt, func() { close(enough) }).Stop()
		}
		result, _ := a.tell(attempt, in.Destination, in.Events, nil, enough)
		told := result.told(in.Events)
		err := a.settle(ctx, workflow, in.Destination, told)
		if err != nil {
			activity.GetLogger(ctx).Warn("Told, but the outbox is not settled yet", "destination", in.Destination, "error", err)
			result.Unsettled = told
		} else if !result.Only(webhook.Refused) {
			if result.Handed, err = a.yield(ctx, workflow, in.Destination); err != nil {
				activity.GetLogger(ctx).Warn("It is not known whether the destination is held", "destination", in.Destination, "error", err)
			}
		}
		return result, nil
	}

	if handed, err := a.handOver(ctx, workflow, in.Destination); err != nil || handed {
		return NotifyResult{Handed: handed}, err
	}
	owed, err := a.State.Owed(ctx, workflow, in.Destination)
	if err != nil {
		return NotifyResult{}, fmt.Errorf("read outbox: %w", err)
	}
	var pulse pulse
	if activity.HasHeartbeatDetails(ctx) { // of earlier attempts: what they were refused would be refused again
		if err := activity.GetHeartbeatDetails(ctx, &pulse.refused); err != nil {
			pulse.refused = nil // of an older version: at worst they are refused again
		}
	}
	defer beating(func() { pulse.beat(ctx) })()
	// Each attempt begins elsewhere, so that some events that always fail do not keep the others from being tried.
	if n := len(owed); n > 0 {
		at := int(info.Attempt-1) * giveUpAfter % n
		owed = slices.Concat(owed[at:], owed[:at])
	}
	var (
		result NotifyResult
		wait   time.Duration
	)
	stop := activity.GetWorkerStopChannel(ctx)
	for events := range slices.Chunk(owed, portion) {
		part, asked := a.tell(ctx, in.Destination, events, pulse.refused, stop)
		if err := a.settle(context.WithoutCancel(ctx), workflow, in.Destination, part.told(events)); err != nil {
			return NotifyResult{}, fmt.Errorf("settle outbox: %w", err)
		}
		result.Told += part.Told
		result.Left = append(result.Left, part.Left...)
		wait = max(wait, asked)
		pulse.refuse(part.Left)
		pulse.beat(ctx)
		if part.Told == 0 && !part.Only(webhook.Refused) {
			break // the next ones would fare no better; they are still owed
		}
	}
	if !result.Only(webhook.Refused) {
		if handed, err := a.yield(ctx, workflow, in.Destination); err == nil && handed {
			return NotifyResult{Told: result.Told, Handed: true}, nil
		}
		return NotifyResult{}, a.unavailable(ctx, in.Destination, result, len(owed), wait)
	}
	return result, nil
}

// A pulse lets the server know every few seconds that an attempt is alive, and the next attempt what was refused.
type pulse struct {
	mu      sync.Mutex
	refused []Left
}

func (p *pulse) beat(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	activity.RecordHeartbeat(ctx, p.refused)
}

func (p *pulse) refuse(left []Left) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range left {
		if l.Kind == webhook.Refused && !slices.Contains(p.refused, l) {
			p.refused = append(p.refused, l)
		}
	}
}

// beating has something beat every few seconds, so that the server knows that an attempt is alive, until the function it
// returns is called.
func beating(beat func()) (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(beatEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				beat()
			}
		}
	}()
	return func() { close(done) }
}

// tell makes one attempt for each event, several at once, and says how long the destination asked to be left alone. Once
// enough is closed, or several attempts have failed, no other is begun.
func (a *Activities) tell(ctx context.Context, destination string, events []webhook.Event, refused []Left, enough <-chan struct{}) (NotifyResult, time.Duration) {
	var (
		mu       sync.Mutex
		result   NotifyResult
		wait     time.Duration
		failures int
		tries    errgroup.Group
	)
	tries.SetLimit(parallelTells)
	begin := func() bool {
		mu.Lock()
		defer mu.Unlock()
		select {
		case <-enough:
			return false
		default:
			return failures < giveUpAfter && ctx.Err() == nil
		}
	}
	end := func(event string, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			result.Told++
			failures = 0
			return
		}
		verdict := verdictOf(err)
		if verdict.Kind != webhook.Refused {
			failures++
		}
		wait = max(wait, verdict.RetryAfter)
		result.Left = append(result.Left, Left{event, verdict.Kind, verdict.Reason})
	}
	for _, e := range events {
		if i := slices.IndexFunc(refused, func(l Left) bool { return l.Event == e.ID }); i >= 0 {
			end(e.ID, &webhook.Verdict{Kind: refused[i].Kind, Reason: refused[i].Reason})
			continue
		}
		tries.Go(func() error {
			if begin() {
				err := a.Notifier.Tell(ctx, destination, []webhook.Telling{{Event: e}})
				if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) { // cancelled says nothing of the destination
					a.watch.saw(destination, verdictOf(err), time.Now())
				}
				end(e.ID, err)
			} else {
				end(e.ID, &webhook.Verdict{Kind: webhook.Deferred, Reason: notTried})
			}
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
	return a.State.Settle(ctx, workflow, destination, webhook.Settlement{Events: told, How: SettledTold})
}

// unavailable is the error that makes Temporal try again: outermost, or its type would be lost. Benign, because that
// others are down is no fault of the worker's, and is counted where it is noticed.
func (a *Activities) unavailable(ctx context.Context, destination string, r NotifyResult, owed int, wait time.Duration) error {
	tried := slices.DeleteFunc(slices.Clone(r.Left), func(l Left) bool { return l.Kind == webhook.Refused || l.Kind == webhook.Deferred })
	if len(tried) == 0 { // as many attempts as allowed were under way, or the worker is stopping
		attempts := time.Duration(min(activity.GetInfo(ctx).Attempt, 30))
		return temporal.NewApplicationErrorWithOptions(destination+": "+busy, DestinationBusy, temporal.ApplicationErrorOptions{
			NextRetryDelay: attempts*busyRetry + rand.N(busyRetry), // apart from each other, and rarer with time
			Category:       temporal.ApplicationErrorCategoryBenign,
		})
	}
	return temporal.NewApplicationErrorWithOptions(
		fmt.Sprintf("%s: %s; %d told, %d left", destination, tried[0].Reason, r.Told, owed-r.Told), DestinationUnavailable,
		temporal.ApplicationErrorOptions{NextRetryDelay: wait, Category: temporal.ApplicationErrorCategoryBenign})
}

// verdictOf is nil if there was no error.
func verdictOf(err error) *webhook.Verdict {
	if err == nil {
		return nil
	}
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
	if err := a.State.Settle(ctx, activity.GetInfo(ctx).WorkflowExecution.ID, in.Destination, webhook.Settlement{Events: in.Events, How: in.How}); err != nil {
		return fmt.Errorf("settle outbox: %w", err)
	}
	return nil
}

package activities

import (
	"context"
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
	// Handed says that what is left is left to the destination's own workflow: it is held, or only that tells it.
	Handed bool `json:"handed,omitempty"`
	// Wait is for how long the destination asked to be left alone, at a first attempt: then the next one comes after it.
	Wait time.Duration `json:"wait,omitempty"`
}

// Left is an event that a destination was not told.
type Left struct {
	Event  string       `json:"event"`
	Kind   webhook.Kind `json:"kind"`
	Reason string       `json:"reason"`
	Advice string       `json:"advice,omitempty"` // what a person should do about it
}

// Why is the reason, with what a person should do about it.
func (l Left) Why() string { return explained(l.Reason, l.Advice) }

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
// destination is held, or turns out to be in trouble, what is left is handed over to the destination's own workflow; if
// only that tells it, all of it is.
func (a *Activities) Notify(ctx context.Context, in NotifyInput) (NotifyResult, error) {
	info := activity.GetInfo(ctx)
	workflow := info.WorkflowExecution.ID
	policy, _ := a.Notifier.Policy(in.Destination)
	if policy.Own { // it was not when this was recorded, or this was parted
		handed, err := a.State.Give(ctx, workflow, in.Destination)
		if err != nil {
			return NotifyResult{}, fmt.Errorf("hand over: %w", err)
		}
		return NotifyResult{Handed: handed}, nil
	}
	to := target{workflow: workflow, destination: in.Destination, batch: max(1, policy.Batch), before: int(info.Attempt) - 1}
	if info.IsLocalActivity {
		to.before = 0
		return a.first(ctx, to, in.Events), nil
	}
	return a.again(ctx, to)
}

// A target is who is told, by which workflow.
type target struct {
	workflow, destination string
	batch                 int
	before                int // attempts of the same activity
}

// first is the local attempt of [Activities.Notify].
func (a *Activities) first(ctx context.Context, to target, events []webhook.Event) NotifyResult {
	attempt, cancel := context.WithTimeout(ctx, lastAnswer)
	defer cancel()
	enough := make(chan struct{})
	end, begun := a.watch.first(to.destination)
	defer end()
	if !begun {
		close(enough) // others wait for the task that this takes
	} else {
		defer time.AfterFunc(firstAttempt, func() { close(enough) }).Stop()
	}
	tries, wait := a.tell(attempt, to, events, nil, enough)
	result := NotifyResult{Wait: wait}
	result.count(tries)
	left := !result.Only(webhook.Refused)
	if left {
		next := time.Now().Add(wait) // what is left over becomes a regular activity then
		held, err := a.hold(ctx, to.destination)
		if err != nil {
			activity.GetLogger(ctx).Warn("Destination in trouble, and not held", "destination", to.destination, "error", err)
		} else if held != nil {
			next = held.Next
		}
		scheduled(tries, next)
	}
	if err := a.settle(ctx, to, tries); err != nil {
		activity.GetLogger(ctx).Warn("Told, but the outbox is not settled yet", "destination", to.destination, "error", err)
		result.Unsettled = settlement(tries).Events
		return result
	}
	if left {
		var err error
		if result.Handed, err = a.yield(ctx, to); err != nil {
			activity.GetLogger(ctx).Warn("It is not known whether the destination is held", "destination", to.destination, "error", err)
		}
	}
	return result
}

// again is a regular attempt of [Activities.Notify].
func (a *Activities) again(ctx context.Context, to target) (NotifyResult, error) {
	if handed, err := a.handOver(ctx, to); err != nil || handed {
		return NotifyResult{Handed: handed}, err
	}
	owed, err := a.State.Owed(ctx, to.workflow, to.destination)
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
	if to.before > 1 { // one of a batch may be what the others fail for
		to.batch = 1
	}
	// Each attempt begins elsewhere, so that some events that always fail do not keep the others from being tried.
	if n := len(owed); n > 0 {
		at := to.before * giveUpAfter % n
		owed = slices.Concat(owed[at:], owed[:at])
	}
	var (
		result NotifyResult
		wait   time.Duration
	)
	stop := activity.GetWorkerStopChannel(ctx)
	for events := range slices.Chunk(owed, max(portion, to.batch)) {
		tries, asked := a.tell(ctx, to, events, pulse.refused, stop)
		wait = max(wait, asked)
		var part NotifyResult
		part.count(tries)
		var held *webhook.Hold
		if !part.Only(webhook.Refused) {
			next := nextAttempt(ctx, wait)
			if held, err = a.hold(ctx, to.destination); err != nil {
				activity.GetLogger(ctx).Warn("Destination in trouble, and not held", "destination", to.destination, "error", err)
			} else if held != nil {
				next = held.Next
			}
			scheduled(tries, next)
		}
		if err := a.settle(context.WithoutCancel(ctx), to, tries); err != nil {
			return NotifyResult{}, fmt.Errorf("settle outbox: %w", err)
		}
		result.Told += part.Told
		result.Left = append(result.Left, part.Left...)
		pulse.refuse(part.Left)
		pulse.beat(ctx)
		if held != nil || part.Told == 0 && !part.Only(webhook.Refused) {
			break // the next ones would fare no better; they are still owed
		}
	}
	if !result.Only(webhook.Refused) {
		if handed, err := a.yield(ctx, to); err == nil && handed {
			return NotifyResult{Told: result.Told, Handed: true}, nil
		}
		return NotifyResult{}, a.unavailable(ctx, to.destination, result, len(owed), wait)
	}
	return result, nil
}

// nextAttempt is when Temporal will try again what fails now; zero if it will not, or if that is not known.
func nextAttempt(ctx context.Context, wait time.Duration) time.Time {
	info := activity.GetInfo(ctx)
	if wait == 0 {
		p := info.RetryPolicy
		if p == nil {
			return time.Time{}
		}
		wait = p.InitialInterval
		for n := int32(1); n < info.Attempt && wait < p.MaximumInterval; n++ {
			wait = time.Duration(float64(wait) * p.BackoffCoefficient)
		}
		wait = min(wait, p.MaximumInterval)
	}
	next := time.Now().Add(wait)
	if info.ScheduleToCloseTimeout > 0 && next.After(info.ScheduledTime.Add(info.ScheduleToCloseTimeout)) {
		return time.Time{}
	}
	return next
}

func scheduled(tries []*try, next time.Time) {
	for _, t := range tries {
		t.next(next.UTC())
	}
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
func (a *Activities) tell(ctx context.Context, to target, events []webhook.Event, refused []Left, enough <-chan struct{}) ([]*try, time.Duration) {
	var (
		mu       sync.Mutex
		wait     time.Duration
		failures int
		all      errgroup.Group
	)
	all.SetLimit(parallelTells)
	begin := func(*try) bool {
		mu.Lock()
		defer mu.Unlock()
		select {
		case <-enough:
			return false
		default:
			return failures < giveUpAfter && ctx.Err() == nil
		}
	}
	saw := func(_ []*try, verdict *webhook.Verdict) {
		a.watch.saw(to.destination, verdict, time.Now())
		mu.Lock()
		defer mu.Unlock()
		if verdict == nil {
			failures = 0
			return
		}
		if verdict.Kind != webhook.Refused {
			failures++
		}
		wait = max(wait, verdict.RetryAfter)
	}
	tries, todo := make([]*try, len(events)), make([]*try, 0, len(events))
	for i, e := range events {
		tries[i] = &try{Telling: webhook.Telling{Event: e, Workflow: to.workflow}, number: to.before}
		if n := slices.IndexFunc(refused, func(l Left) bool { return l.Event == e.ID }); n >= 0 {
			tries[i].verdict = &webhook.Verdict{Kind: refused[n].Kind, Reason: refused[n].Reason, Advice: refused[n].Advice}
			continue
		}
		todo = append(todo, tries[i])
	}
	for batch := range slices.Chunk(todo, to.batch) {
		all.Go(func() error {
			if begin(nil) {
				attempt(ctx, a.Notifier, to.destination, batch, begin, saw)
			}
			return nil
		})
	}
	_ = all.Wait() // the functions return nil
	return tries, wait
}

// count adds what became of events, in the order of the outbox.
func (r *NotifyResult) count(tries []*try) {
	for _, t := range tries {
		switch {
		case t.told():
			r.Told++
		case t.verdict == nil:
			r.Left = append(r.Left, Left{Event: t.Event.ID, Kind: webhook.Deferred, Reason: notTried})
		default:
			r.Left = append(r.Left, Left{t.Event.ID, t.verdict.Kind, t.verdict.Reason, t.verdict.Advice})
		}
	}
}

// settle writes what was told, and the attempts, to the outbox.
func (a *Activities) settle(ctx context.Context, to target, tries []*try) error {
	s := settlement(tries)
	if len(s.Events) == 0 && len(s.Attempts) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	return a.State.Settle(ctx, to.workflow, to.destination, s)
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
		explained(fmt.Sprintf("%s: %s; %d told, %d left", destination, tried[0].Reason, r.Told, owed-r.Told), tried[0].Advice), DestinationUnavailable,
		temporal.ApplicationErrorOptions{NextRetryDelay: wait, Category: temporal.ApplicationErrorCategoryBenign})
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

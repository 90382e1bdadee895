package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"holdfast/internal/webhook"
)

// DrainResult says how many events were told, and how many wait in workflows of their own.
type DrainResult struct {
	Told   int `json:"told"`
	Parted int `json:"parted"`
	// Last is when a destination that has a rate was tried last.
	Last time.Time `json:"last,omitzero"`
}

// Parted is what a destination did not take although it took others: it goes on in a workflow of its own.
type Parted struct {
	Workflow     string          `json:"workflow"` // its id
	Notification Notification    `json:"notification"`
	Problem      string          `json:"problem,omitempty"` // why it is parked; empty: it is to be tried again
	Events       []webhook.Event `json:"events"`
}

// DrainInterrupted is the type of the application error of a drain whose worker stops: another goes on.
const DrainInterrupted = "DrainInterrupted"

const (
	drainPortion = 64                     // events between two settlements
	placeWithin  = 100 * time.Millisecond // before it tries again to get a place among the attempts under way
	settledLost  = "lost"
)

// Drain tells a destination what was handed over, in recorded order.
//
// It asks with the oldest first, and with the next two if that fails. If all of these fail, the destination is held for
// longer, or again. Once it takes something, what was recorded before the drain began is told; then the hold is released,
// so that what is new is told by its own workflows, and what came meanwhile is told beside them. So old comes before new, and a
// destination that is slower than what comes in is not held for ever.
//
// What it refuses for itself, or what fails while others succeed, does not stop the rest: it parts from it, into a
// workflow of its own.
//
// A destination that only its own workflow tells is drained for about an hour, also while it is owed nothing: see
// session.
func (d *Destinations) Drain(ctx context.Context, in DestinationInput) (DrainResult, error) {
	policy, _ := d.Notifier.Policy(in.Destination)
	run := newDrain(d, in.Destination, policy)
	run.stop, run.warn = activity.GetWorkerStopChannel(ctx), activity.GetLogger(ctx).Warn
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &run.progress) // of another version: it counts anew
	}
	defer beating(func() { activity.RecordHeartbeat(ctx, run.reported()) })()
	var err error
	if policy.Own {
		err = newSession(run, later(in.Last, run.progress.Last)).run(ctx)
	} else {
		err = run.backlog(ctx)
	}
	if errors.Is(err, errStopping) {
		return DrainResult{}, temporal.NewApplicationErrorWithOptions("the worker stops", DrainInterrupted,
			temporal.ApplicationErrorOptions{NextRetryDelay: time.Second, Category: temporal.ApplicationErrorCategoryBenign})
	}
	if err == nil && run.trouble != nil {
		err = run.hold(ctx)
	}
	if err != nil {
		return DrainResult{}, fmt.Errorf("drain: %w", err)
	}
	return run.reported().DrainResult, nil
}

var errStopping = errors.New("the worker stops")

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// A drain is one run of Drain.
type drain struct {
	*Destinations
	destination string
	policy      webhook.Policy // as of the beginning
	stop        <-chan struct{}
	warn        func(message string, keyvals ...any)

	mu       sync.Mutex
	progress progress
	failures int      // in a row, in the order in which they came to an end
	alive    bool     // it has taken something, or refused it for itself
	trouble  *trouble // why the destination is held, or stays so
	next     time.Time
	probes   int  // that have failed since it is held
	paused   bool // an operator wants nothing to be told
}

// A progress is what the heartbeats of a drain say, for operators and for the next attempt.
type progress struct {
	DrainResult
	Waiting int       `json:"waiting,omitempty"` // events that were read and are not told yet
	Blocked int       `json:"blocked,omitempty"` // accounts, or events without an order, that wait for the next attempt
	Until   time.Time `json:"until,omitzero"`    // when anything is tried again, because the destination asked for it
	Because string    `json:"because,omitempty"` // of it, or of what fails
}

func newDrain(d *Destinations, destination string, policy webhook.Policy) *drain {
	return &drain{Destinations: d, destination: destination, policy: usable(policy)}
}

// usable is a policy also of a destination that is not configured.
func usable(p webhook.Policy) webhook.Policy {
	p.Parallel, p.Batch = max(1, p.Parallel), max(1, p.Batch)
	return p
}

func (d *drain) reported() progress {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.progress
}

// backlog tells what was recorded before it began, releases the destination, and tells the rest.
func (d *drain) backlog(ctx context.Context) error {
	err := d.pass(ctx, time.Now())
	if err != nil || d.trouble != nil || d.paused {
		return err
	}
	if err := d.Ledger.Release(ctx, d.destination); err != nil {
		return err
	}
	return d.pass(ctx, ever())
}

// ever is after all that is owed: the clock of whoever recorded it may be ahead, by however much.
func ever() time.Time { return time.Unix(1<<40, 0) }

// pass tells what was recorded before a time, portion by portion, until nothing of it is left, or the destination is in
// trouble, or paused.
func (d *drain) pass(ctx context.Context, before time.Time) error {
	for d.trouble == nil {
		hold, err := d.Ledger.Held(ctx, d.destination)
		if err != nil {
			return err
		}
		if hold != nil {
			d.probes = hold.Probes
		}
		if d.paused = hold != nil && hold.Cause == webhook.ByOperator; d.paused {
			return nil
		}
		debts, err := d.Ledger.Handed(ctx, d.destination, before, 0, max(drainPortion, d.policy.Batch))
		if err != nil || len(debts) == 0 {
			return err
		}
		if err := d.portion(ctx, debts); err != nil {
			return err
		}
		select {
		case <-d.stop:
			return errStopping
		default:
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// portion tells some debts, so many events at a time.
func (d *drain) portion(ctx context.Context, debts []webhook.Debt) error {
	var items []*try
	lost := map[string]webhook.Settlement{}
	for _, debt := range debts {
		for _, e := range debt.Events {
			items = append(items, &try{Telling: webhook.Telling{Event: e, Workflow: debt.Workflow}})
		}
		if len(debt.Lost) > 0 {
			lost[debt.Workflow] = webhook.Settlement{Events: append(lost[debt.Workflow].Events, debt.Lost...), How: settledLost}
		}
	}
	if len(lost) > 0 {
		if err := d.settle(ctx, lost, nil, nil); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(items, max(drainPortion, d.policy.Batch)) {
		if err := d.some(ctx, some); err != nil || d.trouble != nil || !d.more(nil) || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// some tells events and settles what was told, whatever became of the others.
func (d *drain) some(ctx context.Context, items []*try) error {
	if !d.alive {
		d.ask(ctx, items)
	}
	if d.alive && d.trouble == nil {
		d.tellAll(ctx, items)
	}
	d.next = time.Now() // what parts is tried again at once
	if d.trouble != nil {
		d.next = d.trouble.next(d.next, d.probesAfter())
	}
	var parting []parting
	for _, t := range items {
		switch t.kind() {
		case webhook.Told, webhook.Deferred:
		case webhook.Refused:
			parting = append(parting, refusedAs(t))
		default:
			if t.next(d.next.UTC()); d.trouble == nil {
				parting = append(parting, newParting(t, ""))
			}
		}
	}
	return d.settle(ctx, nil, items, parting)
}

// settle writes what became of events, also where the drain has to end.
func (d *drain) settle(ctx context.Context, lost map[string]webhook.Settlement, tries []*try, parting []parting) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if len(lost) > 0 {
		d.warn("Events are owed that are no longer in the log", "destination", d.destination, "workflows", len(lost))
		if err := d.Ledger.SettleAll(ctx, d.destination, lost); err != nil {
			return err
		}
	}
	if err := d.Ledger.SettleAll(ctx, d.destination, settlements(tries)); err != nil {
		return err
	}
	return d.part(ctx, parting)
}

// ask tells one event after the other until one is taken, or enough have failed, or all.
func (d *drain) ask(ctx context.Context, items []*try) {
	asked := sample(items, d.probes)
	for n := range asked {
		if d.tell(ctx, asked[n:n+1]); d.alive || d.trouble != nil || !asked[n].tried {
			return
		}
		if n == len(asked)-1 {
			why := troubleOf(asked[n].verdict)
			d.trouble = &why
		}
	}
}

// sample picks whom to ask with: the first ones, and one that is another each time, so that some that always fail do not
// hold a destination that takes the others.
func sample[T any](items []T, probes int) []T {
	n := len(items)
	if n <= giveUpAfter {
		return items
	}
	last := giveUpAfter - 1
	return append(slices.Clone(items[:last]), items[last+probes%(n-last)])
}

// tellAll tells what was not tried yet, in lanes: several events, or batches, at once. What concerns the same number or
// account shares a lane, and is told one after the other; each lane begins in recorded order, and ends with its first
// failure, so that nothing overtakes it.
func (d *drain) tellAll(ctx context.Context, items []*try) {
	lanes := make([][]*try, d.policy.Parallel)
	for _, i := range items {
		if !i.tried {
			n := laneOf(i.Event, len(lanes))
			lanes[n] = append(lanes[n], i)
		}
	}
	var all errgroup.Group
	for _, items := range lanes {
		all.Go(func() error {
			d.tell(ctx, items)
			return nil
		})
	}
	_ = all.Wait() // the functions return nil
}

func laneOf(e webhook.Event, lanes int) int {
	h := fnv.New32a()
	fmt.Fprint(h, laneName(e))
	return int(h.Sum32() % uint32(lanes))
}

// laneName puts what concerns the same number, or else the same account, into the same lane. Of what is neither about an
// account nor a number nor a person's will, such as statuses of messages, each stands for itself: it says when it happened.
func laneName(e webhook.Event) string {
	name := e.Account + "|" + e.Phone.ID + "|" + e.Phone.Number
	switch e.Type.Family() {
	case "account", "phone", "contact":
	default:
		name += "|" + e.ID
	}
	return name
}

// tell tells events one after the other, or batch after batch, until one fails. What is refused for itself is no failure of
// the destination.
func (d *drain) tell(ctx context.Context, items []*try) {
	for batch := range slices.Chunk(items, d.policy.Batch) {
		left := batch
		for begun := time.Now(); d.more(nil); {
			attempt(ctx, whole{d.Notifier, d.Ledger}, d.destination, left, d.more, d.saw)
			left = slices.DeleteFunc(slices.Clone(left), func(t *try) bool { return t.kind() != webhook.Deferred })
			if len(left) == 0 || ctx.Err() != nil {
				break
			}
			if time.Since(begun) > time.Minute { // no place in all that time is a failure like any other
				d.saw(left, &webhook.Verdict{Kind: webhook.Retry, Reason: busy})
				break
			}
			select {
			case <-ctx.Done():
			case <-time.After(placeWithin):
			}
		}
		if slices.ContainsFunc(batch, func(t *try) bool { return !t.told() && t.kind() != webhook.Refused }) {
			return
		}
	}
}

// more reports whether another attempt may begin.
func (d *drain) more(*try) bool {
	select {
	case <-d.stop:
		return false
	default:
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.trouble == nil
}

// saw notes how an attempt ended.
func (d *drain) saw(batch []*try, verdict *webhook.Verdict) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case verdict == nil:
		d.progress.Told += len(batch)
		d.alive, d.failures = true, 0
	case verdict.Kind == webhook.Refused:
		d.alive, d.failures = true, 0
	case verdict.Kind == webhook.Deferred:
	default:
		if d.failures++; d.trouble == nil && (d.failures >= giveUpAfter || verdict.Kind == webhook.Gone) {
			why := troubleOf(verdict)
			d.trouble = &why
		}
	}
}

// partedPrefix begins the ids of workflows that see to what a destination will not take. They keep what they owe, whether
// or not it is held: what fails for itself would come back to the drain for ever. Where only the drain tells the
// destination they give it back when an operator wants it to be tried again.
const partedPrefix = "owed/"

// A parting is an event that goes on in a workflow of its own: parked if there is a problem, to be tried again if not.
type parting struct {
	event    webhook.Event
	workflow string // that owes it
	problem  string
}

func newParting(t *try, problem string) parting { return parting{t.Event, t.Workflow, problem} }

func refusedAs(t *try) parting {
	return newParting(t, "refused: "+explained(t.verdict.Reason, t.verdict.Advice))
}

// part gives events to workflows of their own: those of one workflow that have the same problem share one.
func (d *drain) part(ctx context.Context, partings []parting) error {
	type fate struct{ workflow, problem string }
	parted := map[fate][]webhook.Event{}
	for _, p := range partings {
		f := fate{p.workflow, p.problem}
		parted[f] = append(parted[f], p.event)
	}
	fates := make([]fate, 0, len(parted))
	for f := range parted {
		fates = append(fates, f)
	}
	slices.SortFunc(fates, func(a, b fate) int {
		return cmp.Or(cmp.Compare(a.workflow, b.workflow), cmp.Compare(a.problem, b.problem))
	})
	for _, f := range fates {
		events := parted[f]
		ids := make([]string, len(events))
		for n, e := range events {
			ids[n] = e.ID
		}
		p := Parted{
			// An event is owed by one workflow only, so this id is its own.
			Workflow: partedPrefix + d.destination + "/" + ids[0], Problem: f.problem, Events: events,
			Notification: Notification{Destination: d.destination, Events: ids, Horizon: horizon(d.Notifier, d.destination)},
		}
		// If the second does not happen, the debt has an owner that does not run, which is found.
		if err := d.Ledger.Part(ctx, f.workflow, d.destination, ids, p.Workflow); err != nil {
			return err
		}
		if err := d.Desk.Part(ctx, p); err != nil {
			return err
		}
		d.mu.Lock()
		d.progress.Parted += len(ids)
		d.mu.Unlock()
	}
	return nil
}

// probesAfter is how many probes have failed with this one.
func (d *drain) probesAfter() int {
	if d.alive { // what fell ill again while it was told is asked again soon
		return 1
	}
	return d.probes + 1
}

// hold notes that a probe failed, or holds the destination again.
func (d *drain) hold(ctx context.Context) error {
	now := time.Now()
	before, err := d.Ledger.Held(ctx, d.destination)
	if err != nil {
		return err
	}
	if d.probes = 0; before != nil {
		d.probes = before.Probes
	}
	h := webhook.Hold{
		Destination: d.destination, Since: now, Cause: webhook.ByTrouble, Reason: d.trouble.reason, Advice: d.trouble.advice,
		Probes: d.probesAfter(), Next: d.trouble.next(now, d.probesAfter()),
	}
	news, err := d.Ledger.Hold(ctx, h)
	if err == nil && news && before == nil {
		d.Metrics.held(d.destination, webhook.ByTrouble)
	}
	return err
}

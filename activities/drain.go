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
	// lanes are how many events a drain tells at once. What concerns the same number or account shares a lane, and is told
	// one after the other; each lane begins in recorded order.
	lanes        = 8
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
func (d *Destinations) Drain(ctx context.Context, in DestinationInput) (DrainResult, error) {
	run := &drain{Destinations: d, destination: in.Destination, stop: activity.GetWorkerStopChannel(ctx)}
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &run.progress) // of another version: it counts anew
	}
	defer beating(func() { activity.RecordHeartbeat(ctx, run.counted()) })()
	err := run.pass(ctx, time.Now())
	if err == nil && run.trouble == "" && !run.paused {
		if err = d.Ledger.Release(ctx, in.Destination); err == nil {
			err = run.pass(ctx, time.Now().Add(time.Hour)) // clocks differ
		}
	}
	if errors.Is(err, errStopping) {
		return DrainResult{}, temporal.NewApplicationErrorWithOptions("the worker stops", DrainInterrupted,
			temporal.ApplicationErrorOptions{NextRetryDelay: time.Second, Category: temporal.ApplicationErrorCategoryBenign})
	}
	if err == nil && run.trouble != "" {
		err = run.hold(ctx)
	}
	if err != nil {
		return DrainResult{}, fmt.Errorf("drain: %w", err)
	}
	return run.counted(), nil
}

var errStopping = errors.New("the worker stops")

// A drain is one run of Drain.
type drain struct {
	*Destinations
	destination string
	stop        <-chan struct{}

	mu       sync.Mutex
	progress DrainResult
	failures int           // in a row, in the order in which they came to an end
	alive    bool          // it has taken something, or refused it for itself
	trouble  string        // why the destination is held, or stays so
	wait     time.Duration // for which it asked to be left alone
	probes   int           // that have failed since it is held
	paused   bool          // an operator wants nothing to be told
}

func (d *drain) counted() DrainResult {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.progress
}

// pass tells what was recorded before a time, portion by portion, until nothing of it is left, or the destination is in
// trouble, or paused.
func (d *drain) pass(ctx context.Context, before time.Time) error {
	for d.trouble == "" {
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
		debts, err := d.Ledger.Handed(ctx, d.destination, before, 0, drainPortion)
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

// An item is an event of a portion, with what became of it.
type item struct {
	webhook.Event
	workflow string
	tried    bool
	verdict  *webhook.Verdict // nil: told, if it was tried
}

// portion tells some debts and settles what was told, whatever became of the others.
func (d *drain) portion(ctx context.Context, debts []webhook.Debt) error {
	var items []*item
	lost := map[string]webhook.Settlement{}
	for _, debt := range debts {
		for _, e := range debt.Events {
			items = append(items, &item{Event: e, workflow: debt.Workflow})
		}
		if len(debt.Lost) > 0 {
			lost[debt.Workflow] = webhook.Settlement{Events: debt.Lost, How: settledLost}
		}
	}
	if !d.alive {
		d.ask(ctx, items)
	}
	if d.alive && d.trouble == "" {
		d.tellAll(ctx, items)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute) // what was told is settled in any case
	defer cancel()
	if len(lost) > 0 {
		activity.GetLogger(ctx).Error("Events are owed that are no longer in the log", "destination", d.destination, "workflows", len(lost))
		if err := d.Ledger.SettleAll(ctx, d.destination, lost); err != nil {
			return err
		}
	}
	told := map[string]webhook.Settlement{}
	for _, i := range items {
		if i.tried && i.verdict == nil {
			told[i.workflow] = webhook.Settlement{Events: append(told[i.workflow].Events, i.ID), How: SettledTold}
		}
	}
	if err := d.Ledger.SettleAll(ctx, d.destination, told); err != nil {
		return err
	}
	return d.part(ctx, items)
}

// ask tells one event after the other until one is taken, or enough have failed, or all. It begins with the oldest; one is
// another each time, so that some that always fail do not hold a destination that takes the others.
func (d *drain) ask(ctx context.Context, items []*item) {
	if n := len(items); n > giveUpAfter {
		items = slices.Clone(items)
		last := giveUpAfter - 1
		other := last + d.probes%(n-last)
		items[last], items[other] = items[other], items[last]
	}
	for n, i := range items {
		if d.tell(ctx, items[n:n+1]); d.alive || d.trouble != "" || !i.tried {
			return
		}
		if n == len(items)-1 {
			d.trouble = i.verdict.Reason
		}
	}
}

// tellAll tells what was not tried yet, in lanes. A lane ends with its first failure, so that nothing overtakes it.
func (d *drain) tellAll(ctx context.Context, items []*item) {
	var lane [lanes][]*item
	for _, i := range items {
		if !i.tried {
			n := laneOf(i.Event)
			lane[n] = append(lane[n], i)
		}
	}
	var all errgroup.Group
	for _, items := range lane {
		all.Go(func() error {
			d.tell(ctx, items)
			return nil
		})
	}
	_ = all.Wait() // the functions return nil
}

// laneOf puts what concerns the same number, or else the same account, into the same lane. Of what is neither about an
// account nor a number nor a person's will, such as statuses of messages, each stands for itself: it says when it happened.
func laneOf(e webhook.Event) int {
	h := fnv.New32a()
	fmt.Fprint(h, e.Account, "|", e.Phone.ID, "|", e.Phone.Number)
	switch e.Type.Family() {
	case "account", "phone", "contact":
	default:
		fmt.Fprint(h, "|", e.ID)
	}
	return int(h.Sum32() % lanes)
}

// tell tells events one after the other, until one fails. What is refused for itself is no failure of the destination.
func (d *drain) tell(ctx context.Context, items []*item) {
	for _, i := range items {
		select {
		case <-d.stop:
			return
		default:
		}
		verdict := d.attempt(ctx, i.Event)
		if ctx.Err() != nil {
			return // cancelled says nothing of the destination
		}
		if stop := d.saw(i, verdict); stop {
			return
		}
	}
}

// attempt makes one attempt, for which it waits for a place.
func (d *drain) attempt(ctx context.Context, e webhook.Event) *webhook.Verdict {
	for begun := time.Now(); ; {
		verdict := verdictOf(d.Notifier.Tell(ctx, d.destination, []webhook.Telling{{Event: e}}))
		if verdict == nil || verdict.Kind != webhook.Deferred || time.Since(begun) > time.Minute {
			return verdict
		}
		select {
		case <-ctx.Done():
			return verdict
		case <-time.After(placeWithin):
		}
	}
}

// saw notes how an attempt ended and reports whether its lane ends.
func (d *drain) saw(i *item, verdict *webhook.Verdict) (stop bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i.tried, i.verdict = true, verdict
	if verdict == nil || verdict.Kind == webhook.Refused {
		d.alive, d.failures = true, 0
		if verdict == nil {
			d.progress.Told++
		}
		return d.trouble != ""
	}
	d.wait = max(d.wait, verdict.RetryAfter)
	if d.failures++; d.failures >= giveUpAfter {
		d.trouble = verdict.Reason
	}
	return true
}

// partedPrefix begins the ids of workflows that see to what a destination will not take. They keep what they owe, whether
// or not it is held: what fails for itself would come back to the drain for ever.
const partedPrefix = "owed/"

// part gives what failed for itself to workflows of its own: parked if it was refused, to be tried again if it only failed. If
// the destination is in trouble, failures are its own, and stay with the rest.
func (d *drain) part(ctx context.Context, items []*item) error {
	type fate struct{ workflow, problem string }
	parted := map[fate][]webhook.Event{}
	for _, i := range items {
		switch {
		case i.verdict == nil:
		case i.verdict.Kind == webhook.Refused:
			f := fate{i.workflow, "refused: " + i.verdict.Reason}
			parted[f] = append(parted[f], i.Event)
		case d.trouble == "":
			f := fate{i.workflow, ""}
			parted[f] = append(parted[f], i.Event)
		}
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

// hold notes that a probe failed, or holds the destination again.
func (d *drain) hold(ctx context.Context) error {
	now := time.Now()
	h := webhook.Hold{Destination: d.destination, Since: now, Cause: webhook.ByTrouble, Reason: d.trouble, Probes: 1}
	before, err := d.Ledger.Held(ctx, d.destination)
	if err != nil {
		return err
	}
	if before != nil && !d.alive { // what fell ill again while it was told is asked again soon
		h.Probes = before.Probes + 1
	}
	h.Next = now.Add(max(probeAfter(h.Probes), d.wait))
	news, err := d.Ledger.Hold(ctx, h)
	if err == nil && news && before == nil {
		d.Metrics.held(d.destination, webhook.ByTrouble)
	}
	return err
}

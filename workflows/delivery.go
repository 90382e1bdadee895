package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
	"holdfast/internal/webhook"
)

// A delivery is one notification on its way.
type delivery struct {
	activities.Notification
	local   []webhook.Event // for the first attempt
	stage   string          // trying, retrying, parked, settling, stopped, told, skipped or owed
	problem string          // why it is parked
	order   Action
	more    bool          // more events became owed while it was under way
	wait    time.Duration // for which the destination asked to be left alone
}

const (
	deliveryTrying   = "trying" // the first attempt
	deliveryRetrying = StageRetrying
	deliveryParked   = StageParked
	deliverySettling = "settling" // an operator let it go, and the outbox is being told
	deliveryStopped  = "stopped"  // nobody tries: the workflow is about to begin anew
	deliveryTold     = StageTold
	deliverySkipped  = "skipped"
	deliveryOwed     = StageOwed // left to the destination's own workflow: it is held, or has a rate or an order
)

// settled reports whether this workflow has nothing more to do about it.
func (d *delivery) settled() bool {
	return d.stage == deliveryTold || d.stage == deliverySkipped || d.stage == deliveryOwed
}

// owe starts a delivery, or adds to the one that is under way for the same destination.
func (p *process) owe(ctx workflow.Context, n activities.Notification, events map[string]webhook.Event) {
	for _, d := range p.deliveries {
		if d.Destination == n.Destination && (!d.settled() || d.stage == deliveryOwed && n.Handed) {
			d.Events, d.more = n.Events, !n.Handed
			return
		}
	}
	d := &delivery{Notification: n, stage: deliveryTrying}
	if n.Handed {
		d.stage = deliveryOwed
		p.deliveries = append(p.deliveries, d)
		return
	}
	for _, id := range n.Events {
		e, here := events[id]
		if !here { // recorded by an earlier run, which told some of it: the outbox knows what
			d.local = nil
			break
		}
		d.local = append(d.local, e)
	}
	p.deliveries = append(p.deliveries, d)
	workflow.Go(ctx, func(ctx workflow.Context) { p.deliver(ctx, d) })
}

// deliver sees one notification through: a short first attempt, then as often as Temporal retries it, then as often as
// an operator says. An operator may let it go whenever it is not told yet.
func (p *process) deliver(ctx workflow.Context, d *delivery) {
	if d.stage == deliveryTrying && len(d.local) > 0 && d.first(ctx) && !d.more {
		d.stage = d.end()
		return
	}
	for ctx.Err() == nil {
		if d.problem == "" {
			d.stage, d.more = deliveryRetrying, false
			d.retry(ctx)
			if d.order == "" && d.problem == "" && !d.more {
				d.stage = d.end()
				return
			}
		}
		if d.problem != "" && d.order == "" {
			d.stage = deliveryParked
			if workflow.Await(ctx, func() bool { return d.order != "" }) != nil {
				return
			}
		}
		order := d.order
		d.order, d.problem = "", ""
		if order == Restart {
			d.stage = deliveryStopped
			return
		}
		if order != Skip && order != GiveUp {
			continue
		}
		p.dropped = true
		d.stage, d.more = deliverySettling, false
		d.settle(ctx, d.Events, activities.SettledSkipped)
		if !d.more { // a webhook that was retried meanwhile may owe it more, which nobody has let go
			d.stage = deliverySkipped
			return
		}
	}
}

// end is the stage of a delivery that this workflow need not see to any more.
func (d *delivery) end() string {
	if d.Handed {
		return deliveryOwed
	}
	return deliveryTold
}

// first makes the first attempt, and reports whether all was told or handed over. What was refused for itself is a problem
// at once.
func (d *delivery) first(ctx workflow.Context) bool {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 8 * time.Second, // the activity stops well before
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:             "tell " + d.Destination,
	})
	var result activities.NotifyResult
	in := activities.NotifyInput{Destination: d.Destination, Events: d.local}
	if err := workflow.ExecuteLocalActivity(ctx, deeds.Notify, in).Get(ctx, &result); err != nil {
		return false
	}
	d.local = nil
	if len(result.Unsettled) > 0 {
		d.settle(ctx, result.Unsettled, activities.SettledTold)
	}
	if d.Handed = result.Handed; d.Handed {
		return true
	}
	d.wait = result.Wait
	d.refused(result)
	return len(result.Left) == 0
}

// retry tells what is owed by an activity that Temporal retries, and that an operator can see, pause and reset.
func (d *delivery) retry(ctx workflow.Context) {
	if wait := d.wait; wait > 0 {
		d.wait = 0
		if _, err := workflow.AwaitWithTimeout(ctx, wait, func() bool { return d.order != "" }); err != nil || d.order != "" {
			return
		}
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    15 * time.Minute, // of one attempt for all events; each has its own, far shorter
		HeartbeatTimeout:       30 * time.Second,
		ScheduleToCloseTimeout: d.Horizon,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute},
		WaitForCancellation:    true,
		Summary:                "tell " + d.Destination,
	})
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	telling := workflow.ExecuteActivity(ctx, deeds.Notify, activities.NotifyInput{Destination: d.Destination})
	if workflow.Await(ctx, func() bool { return telling.IsReady() || d.order != "" }) != nil || !telling.IsReady() {
		if d.order == Restart { // the attempt under way ends first, so that the next run does not tell the same beside it
			cancel()
			_ = telling.Get(ctx, nil) // the outbox knows what was told
		}
		return // an operator lets it go, or the workflow is cancelled
	}
	var result activities.NotifyResult
	if err := telling.Get(ctx, &result); err != nil {
		d.problem = "unavailable: " + reason(err)
		return
	}
	if d.Handed = result.Handed; d.Handed {
		return
	}
	d.refused(result)
}

func (d *delivery) refused(r activities.NotifyResult) {
	if len(r.Left) > 0 && r.Only(webhook.Refused) {
		d.problem = "refused: " + r.Left[0].Why()
	}
}

// settle writes to the outbox, for as long as that takes.
func (d *delivery) settle(ctx workflow.Context, events []string, how string) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumInterval: time.Minute},
		Summary:             "settle " + d.Destination + " as " + how,
	})
	in := activities.SettleInput{Destination: d.Destination, Events: events, How: how}
	if err := workflow.ExecuteActivity(ctx, deeds.Settle, in).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("Outbox not settled", "destination", d.Destination, "error", err)
	}
}

// reason is what to show of a failed activity: our own words, which the errors of Notify consist of.
func reason(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Message()
	}
	if _, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		return "no answer from the activity in time"
	}
	return "activity ended"
}

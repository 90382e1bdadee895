package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
	"holdfast/internal/webhook"
)

// Order is what an operator sends to a destination by the signals [Pause] and [Resume].
type Order struct {
	Reason string `json:"reason,omitempty"` // for those who look; no person's number or text
	Actor  string `json:"actor,omitempty"`
}

// Destination is a destination as somebody: it says how things are with it, is paused and resumed, asks it now and then while
// it is held, and tells it what others have handed over. It never ends.
//
// It keeps nothing itself. What is held and owed is in the database, where all workers see it at once; the workflow looks
// whenever it is signalled, and so goes on rightly after a reset, in a new run, and on a server that was restored from a
// backup. While nothing is wrong nobody signals it, and its history does not grow.
func Destination(ctx workflow.Context, in activities.DestinationInput) error {
	d := &destination{DestinationInput: in}
	if err := d.listen(ctx); err != nil {
		return err
	}
	for {
		if err := d.round(ctx); err != nil {
			return err
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() && len(d.orders) == 0 && d.unheard() == 0 && workflow.AllHandlersFinished(ctx) {
			return workflow.NewContinueAsNewError(ctx, Destination, in)
		}
	}
}

// A destination is the state of one run.
type destination struct {
	activities.DestinationInput
	standing activities.Standing
	draining bool
	last     string // what an operator ordered last

	orders  []order
	nudged  bool       // it is to look again
	ask     bool       // it is time to ask it whether it is still in trouble
	unheard func() int // signals that nobody has taken yet
}

// An order is a signal of an operator.
type order struct {
	Order
	pause bool
}

// round looks how things are, does what is to be done, and waits until there is more.
func (d *destination) round(ctx workflow.Context) error {
	d.obey(ctx)
	d.nudged = false
	var standing activities.Standing // a new one: what is absent must not stay
	if err := step(ctx, "look", 3, patienceWithDatabase, chores.Look, d.DestinationInput, &standing); err != nil {
		return ctx.Err() // cancelled, or the database is away for weeks: then again
	}
	d.standing = standing
	d.show(ctx)
	if d.standing.Orphan {
		d.sweep(ctx)
	}
	if d.due() {
		d.drain(ctx)
		return ctx.Err()
	}
	if len(d.orders) > 0 || d.nudged {
		return ctx.Err()
	}
	waiting, cancel := workflow.WithCancel(ctx)
	defer cancel()
	var probe workflow.Future
	if h := d.standing.Hold; h != nil && h.Cause == webhook.ByTrouble {
		wait := min(h.Next.Sub(d.standing.At), longestWait)
		probe = workflow.NewTimerWithOptions(waiting, wait, workflow.TimerOptions{Summary: "ask again"})
	}
	err := workflow.Await(ctx, func() bool {
		return len(d.orders) > 0 || d.nudged || probe != nil && probe.IsReady()
	})
	d.ask = err == nil && probe != nil && probe.IsReady()
	return err
}

// longestWait is for clocks that differ; a destination may ask for an hour.
const longestWait = 65 * time.Minute

// due reports whether something is to be told now: what was handed over while nothing is held, or to find out whether a
// destination that was in trouble still is.
func (d *destination) due() bool {
	switch h := d.standing.Hold; {
	case h == nil:
		return d.standing.Handed > 0
	case h.Cause == webhook.ByOperator:
		return false
	default:
		return d.ask || !h.Next.After(d.standing.At)
	}
}

// drain tells what was handed over. An operator's orders are obeyed meanwhile; a pause ends it.
func (d *destination) drain(ctx workflow.Context) {
	options := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 7 * 24 * time.Hour, // it is known to be alive by its heartbeats
		HeartbeatTimeout:    30 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Summary:             "tell what is owed",
	})
	d.draining, d.ask = true, false
	telling := workflow.ExecuteActivity(options, chores.Drain, d.DestinationInput)
	d.details(ctx)
	for !telling.IsReady() {
		if workflow.Await(ctx, func() bool { return telling.IsReady() || len(d.orders) > 0 }) != nil {
			return
		}
		d.obey(ctx)
	}
	d.draining = false
	var result activities.DrainResult
	if err := telling.Get(ctx, &result); err != nil {
		mustBeOfActivity(err)
		workflow.GetLogger(ctx).Warn("Drain ended", "destination", d.Destination, "error", err)
	}
}

// sweep has it found out which debts have nobody any more who tells them.
func (d *destination) sweep(ctx workflow.Context) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Minute,
		HeartbeatTimeout:    time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 2}, // who nudges does so again
		Summary:             "look for what nobody tells",
	})
	var result activities.SweepResult
	err := workflow.ExecuteActivity(ctx, chores.Sweep, d.DestinationInput).Get(ctx, &result)
	if err != nil {
		workflow.GetLogger(ctx).Warn("Sweep ended", "destination", d.Destination, "error", err)
	}
	d.standing.Handed += result.Adopted
}

// obey does what operators have ordered, in their order.
func (d *destination) obey(ctx workflow.Context) {
	for len(d.orders) > 0 {
		o := d.orders[0]
		d.orders, d.nudged = d.orders[1:], true
		in := activities.OrderInput{Destination: d.Destination, Reason: o.Reason, Actor: o.Actor}
		summary, deed := "resume", any(chores.Resume)
		if o.pause {
			summary, deed = "pause", chores.Pause
		}
		if err := step(ctx, summary, 3, patienceWithDatabase, deed, in, nil); err != nil {
			workflow.GetLogger(ctx).Warn("Order not obeyed", "destination", d.Destination, "order", summary, "error", err)
			continue
		}
		d.last = summary + " by " + orSomebody(o.Actor)
	}
}

// listen takes signals for as long as the workflow runs.
func (d *destination) listen(ctx workflow.Context) error {
	describe := func(text string) workflow.SignalChannelOptions {
		return workflow.SignalChannelOptions{Description: text}
	}
	const in = ` {"reason": "…", "actor": "…"}`
	pauses := workflow.GetSignalChannelWithOptions(ctx, Pause, describe("Tells it nothing until it is resumed; what it is owed waits."+in))
	resumes := workflow.GetSignalChannelWithOptions(ctx, Resume, describe("Asks it at once, and tells it what it is owed if it answers."+in))
	looks := workflow.GetSignalChannelWithOptions(ctx, Look, describe("Looks at what is held and owed. Workers send it."))
	d.unheard = func() int { return pauses.Len() + resumes.Len() + looks.Len() }
	selector := workflow.NewNamedSelector(ctx, "signals")
	take := func(pause bool) func(workflow.ReceiveChannel, bool) {
		return func(c workflow.ReceiveChannel, _ bool) {
			o := order{pause: pause}
			c.Receive(ctx, &o.Order)
			d.orders = append(d.orders, o)
		}
	}
	selector.AddReceive(pauses, take(true))
	selector.AddReceive(resumes, take(false))
	selector.AddReceive(looks, func(c workflow.ReceiveChannel, _ bool) {
		c.Receive(ctx, nil)
		d.nudged = true
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		for ctx.Err() == nil {
			selector.Select(ctx)
		}
	})
	if err := d.takeDrops(ctx); err != nil {
		return err
	}
	return workflow.SetQueryHandlerWithOptions(ctx, State, func() (activities.Standing, error) { return d.standing, nil },
		workflow.QueryHandlerOptions{Description: "Whether it is held, since when and why, and how much it is owed; as of when it was last looked up."})
}

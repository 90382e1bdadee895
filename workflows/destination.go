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

// Kept is the order as it is kept and shown: each text on one line, of at most 300 bytes. Whoever may signal may send megabytes,
// and every worker reads why a destination is held before each attempt.
func (o Order) Kept() Order { return Order{line(o.Reason), line(o.Actor)} }

// Destination is a destination as somebody: it says how things are with it, is paused and resumed, asks it now and then while
// it is held, and tells it what others have handed over. It never ends.
//
// One that has a rate or an order is told by nobody else: it is told all the time, by an activity that ends now and then.
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
		if long(ctx) && len(d.orders) == 0 && d.unheard() == 0 && workflow.AllHandlersFinished(ctx) {
			return workflow.NewContinueAsNewError(ctx, Destination, d.DestinationInput)
		}
	}
}

// long reports whether a history should go on in a new run.
func long(ctx workflow.Context) bool { return workflow.GetInfo(ctx).GetContinueAsNewSuggested() }

// A destination is the state of one run.
type destination struct {
	activities.DestinationInput
	standing activities.Standing
	draining bool
	last     string // what an operator ordered last

	orders  []order
	nudged  bool       // it is to look again
	ask     bool       // it is time to ask it whether it is still in trouble
	again   time.Time  // before which nothing is told, because that ended at once; an operator need not wait for it
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
	if err := d.look(ctx); err != nil {
		return ctx.Err() // cancelled, or the database is away for weeks: then again
	}
	if d.standing.Orphan {
		d.sweep(ctx)
	}
	rest := d.again.Sub(workflow.Now(ctx))
	if d.due() && rest <= 0 {
		d.drain(ctx)
		return ctx.Err()
	}
	if len(d.orders) > 0 || d.nudged {
		return ctx.Err()
	}
	waiting, cancel := workflow.WithCancel(ctx)
	defer cancel()
	var alarm workflow.Future
	switch h := d.standing.Hold; {
	case h != nil && h.Cause == webhook.ByTrouble:
		wait := max(min(h.Next.Sub(d.standing.At), longestWait), rest) // or it would look again and again until then
		alarm = workflow.NewTimerWithOptions(waiting, wait, workflow.TimerOptions{Summary: "ask again"})
	case h == nil && rest > 0:
		alarm = workflow.NewTimerWithOptions(waiting, rest, workflow.TimerOptions{Summary: "tell again"})
	}
	err := workflow.Await(ctx, func() bool {
		return len(d.orders) > 0 || d.nudged || alarm != nil && alarm.IsReady()
	})
	d.ask = err == nil && d.standing.Hold != nil && alarm != nil && alarm.IsReady()
	return err
}

// longestWait is for clocks that differ; a destination may ask for an hour.
const longestWait = 65 * time.Minute

// look looks how things are, and shows it.
func (d *destination) look(ctx workflow.Context) error {
	d.nudged = false
	var standing activities.Standing // a new one: what is absent must not stay
	if err := step(ctx, "look", 3, patienceWithDatabase, chores.Look, d.DestinationInput, &standing); err != nil {
		return err
	}
	d.standing = standing
	d.show(ctx)
	return nil
}

// due reports whether something is to be told now: what was handed over while nothing is held, what may be handed over at any
// moment because nobody else tells it, or to find out whether a destination that was in trouble still is.
func (d *destination) due() bool {
	switch h := d.standing.Hold; {
	case h == nil:
		return d.standing.Own || d.standing.Handed > 0
	case h.Cause == webhook.ByOperator:
		return false
	default:
		return d.ask || !h.Next.After(d.standing.At)
	}
}

// A drain that should go on all the time and ended at once is not begun again at once: workers that have been told of another
// configuration, and others that have not yet, would give it to each other without a pause.
const (
	atOnce    = 5 * time.Second
	soonAgain = 5 * time.Second
)

// drain tells what was handed over. An operator's orders are obeyed meanwhile; a pause ends it.
func (d *destination) drain(ctx workflow.Context) {
	own, began := d.standing.Own, workflow.Now(ctx)
	options := workflow.ActivityOptions{
		StartToCloseTimeout: 7 * 24 * time.Hour, // it is known to be alive by its heartbeats
		HeartbeatTimeout:    30 * time.Second,
		WaitForCancellation: true, // there are never two
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Summary:             "tell what is owed",
	}
	if own { // it waits for nobody else
		options.HeartbeatTimeout, options.RetryPolicy.MaximumInterval = 15*time.Second, 5*time.Second
	}
	d.draining, d.ask = true, false
	cancellable, cancel := workflow.WithCancel(ctx)
	defer cancel()
	telling := workflow.ExecuteActivity(workflow.WithActivityOptions(cancellable, options), chores.Drain, d.DestinationInput)
	d.details(ctx)
	ending := false
	for !telling.IsReady() {
		if workflow.Await(ctx, func() bool {
			return telling.IsReady() || len(d.orders) > 0 || own && d.nudged
		}) != nil {
			return
		}
		if own && long(ctx) && !ending { // it would go on for an hour, and the history with it
			ending = true
			cancel()
		}
		d.obey(ctx)
		if own && d.nudged && d.look(ctx) == nil && d.standing.Orphan {
			d.sweep(ctx)
		}
	}
	d.draining = false
	var result activities.DrainResult
	if err := telling.Get(ctx, &result); err != nil {
		if !temporal.IsCanceledError(err) {
			mustBeOfActivity(err)
		}
		workflow.GetLogger(ctx).Warn("Drain ended", "destination", d.Destination, "error", err)
	}
	if !result.Last.IsZero() {
		d.Last = result.Last
	}
	if now := workflow.Now(ctx); own && now.Sub(began) < atOnce {
		d.again = now.Add(soonAgain)
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
		d.last, d.again = summary+" by "+orSomebody(o.Actor), time.Time{}
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
			o.Order = o.Kept()
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

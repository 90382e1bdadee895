package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
	"holdfast/internal/webhook"
)

// Group is the input of [ProcessWebhooks]: one webhook, or several that were accepted together.
type Group struct {
	Webhooks []webhook.Webhook `json:"webhooks"`
	// Resume is set where a long history was cut: see [process.cut].
	Resume *Resume `json:"resume,omitempty"`
}

// ProcessWebhooks takes webhooks through their four steps: verify, normalize, handle (record) and notify. A step is done
// for the whole group at once and has an outcome for each element; what cannot go on is parked, and the rest is not held
// up by it. The workflow ends when nothing is parked and every destination is told, and not before: it does not fail.
func ProcessWebhooks(ctx workflow.Context, in Group) (Status, error) {
	p := &process{types: map[webhook.Type]int{}, shown: view{stage: StageProcessing}}
	for i := range in.Webhooks {
		p.elements = append(p.elements, &element{webhook: &in.Webhooks[i], pending: true})
	}
	if err := p.setup(ctx); err != nil {
		return Status{}, err
	}
	if in.Resume != nil {
		p.resume(ctx, *in.Resume)
	}
	if err := p.run(ctx); err != nil {
		return p.status(), err
	}
	return p.status(), nil
}

// A process is the state of one run.
type process struct {
	elements   []*element
	deliveries []*delivery
	types      map[webhook.Type]int    // how many events of each were recorded
	accounts   []string                // in order of appearance
	before     map[webhook.Outcome]int // outcomes of earlier runs of the same workflow
	dropped    bool                    // an operator let something go

	park  string // name of the current park; empty while nothing is parked
	parks int
	last  string // what an operator ordered last
	shown view   // what the search attributes say
}

// An element is one webhook on its way.
type element struct {
	webhook  *webhook.Webhook
	pending  bool   // to be taken through the steps
	verified bool   // by Verify, or by an operator's word
	problem  string // why it is parked
	order    Action // what an operator wants done about that
	outcomes []webhook.Outcome
}

// A delivery is one notification on its way.
type delivery struct {
	activities.Notification
	local   []webhook.Event // for the first attempt
	stage   string          // trying, retrying, parked, settling, told or skipped
	problem string          // why it is parked
	order   Action
	more    bool // more events became owed while it was under way
}

const (
	deliveryTrying   = "trying" // the first attempt
	deliveryRetrying = StageRetrying
	deliveryParked   = StageParked
	deliverySettling = "settling" // an operator let it go, and the outbox is being told
	deliveryTold     = StageTold
	deliverySkipped  = "skipped"
)

func (d *delivery) settled() bool { return d.stage == deliveryTold || d.stage == deliverySkipped }

func (p *process) setup(ctx workflow.Context) error {
	if err := workflow.SetQueryHandlerWithOptions(ctx, State, func() (Status, error) { return p.status(), nil },
		workflow.QueryHandlerOptions{Description: "What became of each webhook, and who is still to be told."}); err != nil {
		return err
	}
	return p.listen(ctx)
}

func (p *process) run(ctx workflow.Context) error {
	for {
		if err := p.record(ctx); err != nil {
			return err
		}
		if err := workflow.Await(ctx, func() bool {
			return p.ordered() || p.settled() || p.view().differs(p.shown)
		}); err != nil {
			return err // cancelled: what is owed stays in the outbox
		}
		p.show(ctx)
		if p.obey() {
			p.show(ctx)
		}
		if p.settled() {
			return nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() && p.idle() {
			return p.cut(ctx)
		}
	}
}

// settled reports whether nothing is left to do.
func (p *process) settled() bool {
	for _, e := range p.elements {
		if e.pending || e.problem != "" {
			return false
		}
	}
	for _, d := range p.deliveries {
		if !d.settled() {
			return false
		}
	}
	return true
}

// ordered reports whether an operator wants something done with a parked webhook. Deliveries see to their own orders.
func (p *process) ordered() bool {
	for _, e := range p.elements {
		if e.order != "" {
			return true
		}
	}
	return false
}

// obey does with parked webhooks what operators have ordered, and reports whether there was anything.
func (p *process) obey() (done bool) {
	for _, e := range p.elements {
		switch e.order {
		case "":
			continue
		case GiveUp:
			p.dropped = true
		case Accept:
			e.verified, e.pending = true, true
		case Retry, Skip: // to skip is for destinations: check lets no such order through
			e.pending = true
		}
		e.problem, e.order = "", ""
		done = true
	}
	return done
}

// record takes the pending webhooks through verify, normalize and handle, and starts telling those who are to be told.
func (p *process) record(ctx workflow.Context) error {
	todo := p.verify(ctx)
	if len(todo) == 0 {
		return ctx.Err()
	}
	var normalized activities.NormalizeResult
	in := activities.NormalizeInput{Webhooks: webhooks(todo)}
	if err := step(ctx, "normalize", 1, patienceWithCode, deeds.Normalize, in, &normalized); err != nil {
		return p.stuck(ctx, todo, "normalize: step failed")
	}
	var handled activities.HandleResult
	if err := step(ctx, "record", 3, patienceWithDatabase, deeds.Handle, activities.HandleInput(normalized), &handled); err != nil {
		return p.stuck(ctx, todo, "record: step failed")
	}
	events := make(map[string]webhook.Event)
	for i, e := range todo {
		e.pending = false
		if problem := handled.Webhooks[i].Problem; problem != "" {
			e.problem = "record: " + problem
			continue
		}
		e.outcomes = handled.Webhooks[i].Outcomes
		e.webhook.Body = nil // of no use any more, and a workflow that waits for days would keep it in memory
		for j, event := range normalized.Webhooks[i].Events {
			p.types[event.Type]++
			p.accounts = listed(append(p.accounts, event.Account))
			event.Late = e.outcomes[j] == webhook.Late
			if e.outcomes[j] != webhook.Duplicate { // its twin in the same group has the same id
				events[event.ID] = event
			}
		}
	}
	for _, n := range handled.Owed {
		p.owe(ctx, n, events)
	}
	return nil
}

// verify returns the pending webhooks that verify.
func (p *process) verify(ctx workflow.Context) []*element {
	var verified, todo []*element
	for _, e := range p.elements {
		switch {
		case e.pending && e.verified:
			verified = append(verified, e)
		case e.pending:
			todo = append(todo, e)
		}
	}
	if len(todo) == 0 {
		return verified
	}
	var result activities.VerifyResult
	if err := step(ctx, "verify", 1, patienceWithCode, deeds.Verify, activities.VerifyInput{Webhooks: webhooks(todo)}, &result); err != nil {
		_ = p.stuck(ctx, todo, "verify: step failed")
		return verified
	}
	for i, e := range todo {
		if problem := result.Problems[i]; problem != "" {
			e.pending, e.problem = false, "verify: "+problem
			continue
		}
		e.verified = true
		verified = append(verified, e)
	}
	return verified
}

// stuck parks webhooks for which a step cannot be done at all.
func (p *process) stuck(ctx workflow.Context, elements []*element, problem string) error {
	for _, e := range elements {
		e.pending, e.problem = false, problem
	}
	return ctx.Err()
}

// owe starts a delivery, or adds to the one that is under way for the same destination.
func (p *process) owe(ctx workflow.Context, n activities.Notification, events map[string]webhook.Event) {
	for _, d := range p.deliveries {
		if d.Destination == n.Destination && !d.settled() {
			d.Events, d.more = n.Events, true
			return
		}
	}
	d := &delivery{Notification: n, stage: deliveryTrying}
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
		d.stage = deliveryTold
		return
	}
	for ctx.Err() == nil {
		if d.problem == "" {
			d.stage, d.more = deliveryRetrying, false
			d.retry(ctx)
			if d.order == "" && d.problem == "" && !d.more {
				d.stage = deliveryTold
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

// first makes the first attempt, and reports whether all was told. What was refused for itself is a problem at once.
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
	d.refused(result)
	return len(result.Left) == 0
}

// retry tells what is owed by an activity that Temporal retries, and that an operator can see, pause and reset.
func (d *delivery) retry(ctx workflow.Context) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    15 * time.Minute, // of one attempt for all events; each has its own, far shorter
		HeartbeatTimeout:       30 * time.Second,
		ScheduleToCloseTimeout: d.Horizon,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute},
		Summary:                "tell " + d.Destination,
	})
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	telling := workflow.ExecuteActivity(ctx, deeds.Notify, activities.NotifyInput{Destination: d.Destination})
	if workflow.Await(ctx, func() bool { return telling.IsReady() || d.order != "" }) != nil || !telling.IsReady() {
		return // an operator lets it go, or the workflow is cancelled
	}
	var result activities.NotifyResult
	if err := telling.Get(ctx, &result); err != nil {
		d.problem = "unavailable: " + reason(err)
		return
	}
	d.refused(result)
}

func (d *delivery) refused(r activities.NotifyResult) {
	if len(r.Left) > 0 && r.Only(webhook.Refused) {
		d.problem = fmt.Sprintf("refused: %s", r.Left[0].Reason)
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

// deeds is never called: it gives the activities their names, checked by the compiler.
var deeds *activities.Activities

// step runs one of the steps as a local activity; if that fails, as a regular one, which Temporal retries until it
// succeeds or patience ends, and which an operator can see meanwhile.
func step(ctx workflow.Context, summary string, attempts int32, patience time.Duration, deed, in, out any) error {
	local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 5 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, MaximumAttempts: attempts},
		Summary:             summary,
	})
	err := workflow.ExecuteLocalActivity(local, deed, in).Get(ctx, out)
	if err == nil || temporal.IsCanceledError(err) {
		return err
	}
	mustBeOfActivity(err)
	workflow.GetLogger(ctx).Warn("Step failed; goes on as a regular activity", "step", summary, "error", err)
	regular := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    time.Minute,
		ScheduleToCloseTimeout: patience,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Summary:                summary,
	})
	if err = workflow.ExecuteActivity(regular, deed, in).Get(ctx, out); err != nil && !temporal.IsCanceledError(err) {
		mustBeOfActivity(err)
	}
	return err
}

// Patience with a step that fails as a regular activity. A step that only computes fails because of a bug; one that writes
// waits for the database.
const (
	patienceWithCode     = 10 * time.Minute
	patienceWithDatabase = 30 * 24 * time.Hour
)

// mustBeOfActivity stops the workflow, until a worker comes that can go on, where a result cannot be read: it was written
// by a newer version. To take that for a failed activity would lead the workflow astray for good.
func mustBeOfActivity(err error) {
	if _, ok := errors.AsType[*temporal.ActivityError](err); !ok {
		panic(fmt.Sprintf("result of an activity cannot be read by this version: %v", err))
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

func webhooks(elements []*element) []webhook.Webhook {
	out := make([]webhook.Webhook, len(elements))
	for i, e := range elements {
		out[i] = *e.webhook
	}
	return out
}

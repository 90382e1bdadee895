package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
	"holdfast/internal/webhook"
)

// Group is the input of [ProcessWebhooks]: one webhook, or several that were accepted together.
type Group struct {
	Webhooks []webhook.Webhook `json:"webhooks"`
	// Resume is set where a long history was cut, see [process.cut], and where a destination did not take some of what it was
	// owed, see [Desk.Part].
	Resume *Remainder `json:"resume,omitempty"`
}

// ProcessWebhooks takes webhooks through their four steps: verify, normalize, handle (record) and notify. A step is done
// for the whole group at once and has an outcome for each element; what cannot go on is parked, and the rest is not held
// up by it. The workflow ends when nothing is parked and every destination is told, and not before: it does not fail.
func ProcessWebhooks(ctx workflow.Context, in Group) (Status, error) {
	p := &process{types: map[webhook.Type]int{}, shown: view{stage: StageProcessing}}
	for i := range in.Webhooks {
		p.elements = append(p.elements, &element{webhook: &in.Webhooks[i], pending: true})
	}
	// What a destination did not take with the rest, and whose webhooks another workflow has.
	p.parted = in.Resume != nil && workflow.GetInfo(ctx).ContinuedExecutionRunID == ""
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
	unrouted   int                     // events that nobody wants, of earlier runs likewise
	dropped    bool                    // an operator let something go

	parted bool // it never had webhooks, only something to tell

	park  string    // name of the current park; empty while nothing is parked
	since time.Time // of the current park
	parks int
	last  *Last // what an operator ordered last
	stale bool  // the details do not say so yet
	again *Last // it is to begin anew
	shown view  // what the search attributes say

	recalled    bool // it is known whether
	waitsForAll bool // what it shows as waited for is also what is left to others, as it was once
}

// An element is one webhook on its way.
type element struct {
	webhook  *webhook.Webhook
	pending  bool   // to be taken through the steps
	verified bool   // by Verify, or by an operator's word
	problem  string // why it is parked
	order    Action // what an operator wants done about that
	outcomes []webhook.Outcome
	unrouted int // of its events
}

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
			return p.ordered() || p.settled() || p.stale || p.quiet() || p.view().differs(p.shown)
		}); err != nil {
			return err // cancelled: what is owed stays in the outbox
		}
		p.show(ctx)
		if p.obey() {
			p.show(ctx)
		}
		if p.quiet() {
			p.restart(ctx)
			continue
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
		case Retry, Skip, Restart: // the last two are no orders for a webhook: check lets none through
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
		e.outcomes, e.unrouted = handled.Webhooks[i].Outcomes, handled.Webhooks[i].Unrouted
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

func webhooks(elements []*element) []webhook.Webhook {
	out := make([]webhook.Webhook, len(elements))
	for i, e := range elements {
		out[i] = *e.webhook
	}
	return out
}

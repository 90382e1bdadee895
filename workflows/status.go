package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"holdfast/internal/webhook"
)

// Status is what the query [State] tells, and what the workflow returns in the end.
type Status struct {
	Stage      string                  `json:"stage"`
	Park       string                  `json:"park,omitempty"` // to be named by a command that answers it
	Since      time.Time               `json:"since,omitzero"` // of the park
	Accounts   []string                `json:"accounts,omitempty"`
	Events     map[webhook.Type]int    `json:"events,omitempty"`
	Outcomes   map[webhook.Outcome]int `json:"outcomes,omitempty"`
	Unrouted   int                     `json:"unrouted,omitempty"` // events that no destination wants
	Parked     []Parked                `json:"parked,omitempty"`   // webhooks
	Deliveries []Delivery              `json:"deliveries,omitempty"`
	Last       *Last                   `json:"last,omitempty"` // command
}

// Parked is a webhook that waits for an operator.
type Parked struct {
	Webhook string `json:"webhook"`
	Source  string `json:"source"`
	Problem string `json:"problem"`
}

// Delivery is a destination that is told, or is to be told.
type Delivery struct {
	Destination string `json:"destination"`
	Events      int    `json:"events"`
	Stage       string `json:"stage"` // trying, retrying, parked, settling, stopped, told, skipped, owed
	Problem     string `json:"problem,omitempty"`
}

func (p *process) status() Status {
	s := Status{
		Stage: p.view().stage, Park: p.park, Since: p.since, Accounts: p.accounts,
		Events: p.types, Outcomes: map[webhook.Outcome]int{}, Unrouted: p.unrouted, Last: p.last,
	}
	for _, o := range workflow.DeterministicKeys(p.before) {
		s.Outcomes[o] = p.before[o]
	}
	for _, e := range p.elements {
		for _, o := range e.outcomes {
			s.Outcomes[o]++
		}
		s.Unrouted += e.unrouted
		if e.problem != "" {
			s.Parked = append(s.Parked, Parked{e.webhook.ID, e.webhook.Source, e.problem})
		}
	}
	for _, d := range p.deliveries {
		s.Deliveries = append(s.Deliveries, Delivery{d.Destination, len(d.Events), d.stage, d.problem})
	}
	return s
}

// A view is what the search attributes say of a process.
type view struct {
	stage   string
	problem string   // the kind of the first problem: verify, record, refused, unavailable
	waiting []string // destinations that are not told yet
}

func (v view) differs(w view) bool {
	return v.stage != w.stage || v.problem != w.problem || !slices.Equal(v.waiting, w.waiting)
}

func (p *process) view() view {
	v := view{stage: StageRecorded}
	var parked, pending, trying, retrying, owed bool
	var left []string
	note := func(problem string) {
		parked = true
		if v.problem == "" {
			v.problem, _, _ = strings.Cut(problem, ":")
		}
	}
	for _, e := range p.elements {
		pending = pending || e.pending
		if e.problem != "" {
			note(e.problem)
		}
	}
	for _, d := range p.deliveries {
		switch d.stage {
		case deliveryTrying:
			trying = true
		case deliveryRetrying, deliverySettling, deliveryStopped:
			retrying = true
		case deliveryParked:
			if d.problem != "" { // empty: an operator has just decided
				note(d.problem)
			}
		case deliveryOwed:
			owed = true
		case deliveryTold:
			v.stage = StageTold
		}
		switch {
		case !d.settled(), d.stage == deliveryOwed && p.waitsForAll:
			v.waiting = append(v.waiting, d.Destination)
		case d.stage == deliveryOwed:
			left = append(left, d.Destination)
		}
	}
	if len(v.waiting) == 0 { // else those that are left to others would be found among what waits for an operator
		v.waiting = left
	}
	v.waiting = listed(v.waiting)
	switch {
	case trying: // everybody's first attempt, which is short, comes before anything is said: one update for all
		return p.shown
	case parked:
		v.stage = StageParked
	case pending:
		return view{stage: StageProcessing}
	case retrying:
		v.stage = StageRetrying
	case p.dropped:
		v.stage = StageGivenUp
	case owed:
		v.stage = StageOwed
	}
	return v
}

// show writes what has changed to the search attributes and the details.
func (p *process) show(ctx workflow.Context) {
	p.recall(ctx)
	v := p.view()
	if v.differs(p.shown) {
		p.named(ctx, v)
		p.upsert(ctx, v)
		p.shown = v
	}
	workflow.SetCurrentDetails(ctx, p.details())
	p.stale = false
}

// recall finds out, as soon as it makes a difference, whether the history is one of those in which a workflow waited for all
// who were not told, those included that were left to others. They have to be replayed as they were.
func (p *process) recall(ctx workflow.Context) {
	own := slices.ContainsFunc(p.deliveries, func(d *delivery) bool { return !d.settled() })
	left := slices.ContainsFunc(p.deliveries, func(d *delivery) bool { return d.stage == deliveryOwed })
	if own && left && !p.recalled {
		p.recalled = true
		p.waitsForAll = workflow.GetVersion(ctx, "waits-for-its-own", workflow.DefaultVersion, 1) == workflow.DefaultVersion
	}
}

// named gives each park a name of its own. It holds the time, so that the same park after a reset has another.
func (p *process) named(ctx workflow.Context, v view) {
	switch {
	case v.stage != StageParked:
		p.park, p.since = "", time.Time{}
	case p.park == "":
		p.parks++
		p.since = workflow.Now(ctx).UTC()
		p.park = fmt.Sprintf("park-%d-%d", p.parks, p.since.Unix())
		workflow.GetMetricsHandler(ctx).WithTags(map[string]string{"problem": v.problem}).Counter("holdfast_parked").Inc(1)
	}
}

func (p *process) upsert(ctx workflow.Context, v view) {
	types := make([]string, 0, len(p.types))
	for _, t := range workflow.DeterministicKeys(p.types) {
		types = append(types, string(t))
	}
	updates := []temporal.SearchAttributeUpdate{StageKey.ValueSet(v.stage)}
	if len(types) > 0 {
		updates = append(updates, EventsKey.ValueSet(listed(types)))
	}
	if len(p.accounts) > 0 {
		updates = append(updates, AccountsKey.ValueSet(p.accounts))
	}
	if v.problem != "" {
		updates = append(updates, ProblemKey.ValueSet(v.problem))
	} else if p.shown.problem != "" {
		updates = append(updates, ProblemKey.ValueUnset())
	}
	if len(v.waiting) > 0 {
		updates = append(updates, WaitingKey.ValueSet(v.waiting))
	} else if len(p.shown.waiting) > 0 {
		updates = append(updates, WaitingKey.ValueUnset())
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Warn("Search attributes not updated", "error", err)
	}
}

package workflows

import (
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
	"holdfast/internal/webhook"
)

// Remainder is what a run hands to the next one of the same workflow, or a drain to the workflow of what it could not tell.
type Remainder struct {
	Problems   []string                `json:"problems"` // of the webhooks handed on, in order
	Verified   []bool                  `json:"verified"` // whether they are, likewise
	Deliveries []Parcel                `json:"deliveries,omitempty"`
	Types      map[webhook.Type]int    `json:"types,omitempty"`
	Outcomes   map[webhook.Outcome]int `json:"outcomes,omitempty"`
	Unrouted   int                     `json:"unrouted,omitempty"`
	Accounts   []string                `json:"accounts,omitempty"`
	Dropped    bool                    `json:"dropped,omitempty"`
	Parks      int                     `json:"parks"`
}

// Parcel is a notification with where it stands.
type Parcel struct {
	activities.Notification
	Stage   string `json:"stage"`
	Problem string `json:"problem,omitempty"`
}

// idle reports whether nothing is under way: what is not settled is parked, and no operator has decided on it.
func (p *process) idle() bool {
	for _, e := range p.elements {
		if e.pending || e.order != "" {
			return false
		}
	}
	for _, d := range p.deliveries {
		if !d.settled() && (d.stage != deliveryParked || d.problem == "" || d.order != "") {
			return false
		}
	}
	return p.park != "" && p.again == nil
}

// cut goes on in a new run, with what is parked and how the rest ended: however often operators try again, no history
// grows without bound. A command that arrives meanwhile finds the new run parked under another name.
func (p *process) cut(ctx workflow.Context) error {
	next := Group{Resume: &Remainder{
		Types: p.types, Outcomes: p.status().Outcomes, Unrouted: p.status().Unrouted, Accounts: p.accounts, Dropped: p.dropped, Parks: p.parks,
	}}
	for _, e := range p.elements {
		if e.problem != "" {
			next.Webhooks = append(next.Webhooks, *e.webhook)
			next.Resume.Problems = append(next.Resume.Problems, e.problem)
			next.Resume.Verified = append(next.Resume.Verified, e.verified)
		}
	}
	for _, d := range p.deliveries {
		next.Resume.Deliveries = append(next.Resume.Deliveries, Parcel{d.Notification, d.stage, d.problem})
	}
	return workflow.NewContinueAsNewError(ctx, ProcessWebhooks, next)
}

func (p *process) resume(ctx workflow.Context, r Remainder) {
	for i, e := range p.elements {
		e.pending, e.problem, e.verified = false, r.Problems[i], r.Verified[i]
	}
	if r.Types != nil {
		p.types = r.Types
	}
	p.before, p.unrouted, p.accounts, p.dropped, p.parks = r.Outcomes, r.Unrouted, r.Accounts, r.Dropped, r.Parks
	for _, parcel := range r.Deliveries {
		d := &delivery{Notification: parcel.Notification, stage: parcel.Stage, problem: parcel.Problem}
		p.deliveries = append(p.deliveries, d)
		if !d.settled() {
			workflow.Go(ctx, func(ctx workflow.Context) { p.deliver(ctx, d) })
		}
	}
}

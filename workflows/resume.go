package workflows

import (
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
	"holdfast/internal/webhook"
)

// Resume is what a run hands to the next one of the same workflow.
type Resume struct {
	Problems   []string             `json:"problems"` // of the webhooks handed on, in order
	Deliveries []Parcel             `json:"deliveries,omitempty"`
	Types      map[webhook.Type]int `json:"types,omitempty"`
	Accounts   []string             `json:"accounts,omitempty"`
	Dropped    bool                 `json:"dropped,omitempty"`
	Parks      int                  `json:"parks"`
}

// Parcel is a notification with the reason why it is parked.
type Parcel struct {
	activities.Notification
	Problem string `json:"problem"`
}

// idle reports whether nothing is under way: what is not settled is parked.
func (p *process) idle() bool {
	for _, e := range p.elements {
		if e.pending {
			return false
		}
	}
	for _, d := range p.deliveries {
		if !d.settled() && d.stage != deliveryParked {
			return false
		}
	}
	return p.park != ""
}

// cut goes on in a new run, with what is parked and nothing else: however often operators try again, no history grows
// without bound. A command that arrives meanwhile finds the new run parked under another name.
func (p *process) cut(ctx workflow.Context) error {
	next := Group{Resume: &Resume{Types: p.types, Accounts: p.accounts, Dropped: p.dropped, Parks: p.parks}}
	for _, e := range p.elements {
		if e.problem != "" {
			next.Webhooks = append(next.Webhooks, *e.webhook)
			next.Resume.Problems = append(next.Resume.Problems, e.problem)
		}
	}
	for _, d := range p.deliveries {
		if !d.settled() {
			next.Resume.Deliveries = append(next.Resume.Deliveries, Parcel{d.Notification, d.problem})
		}
	}
	return workflow.NewContinueAsNewError(ctx, ProcessWebhooks, next)
}

func (p *process) resume(ctx workflow.Context, r Resume) {
	for i, e := range p.elements {
		e.pending, e.problem = false, r.Problems[i]
	}
	if r.Types != nil {
		p.types = r.Types
	}
	p.accounts, p.dropped, p.parks = r.Accounts, r.Dropped, r.Parks
	for _, parcel := range r.Deliveries {
		d := &delivery{Notification: parcel.Notification, stage: deliveryParked, problem: parcel.Problem}
		p.deliveries = append(p.deliveries, d)
		workflow.Go(ctx, func(ctx workflow.Context) { p.deliver(ctx, d) })
	}
}

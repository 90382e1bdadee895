package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
)

// stop has everybody stop who still tries to tell, because the workflow is to begin anew, and returns how many webhooks and
// deliveries are left to be seen to. A dry run only counts.
func (p *process) stop(dry bool) int {
	n := 0
	for _, e := range p.elements {
		if e.problem != "" {
			n++
		}
	}
	for _, d := range p.deliveries {
		switch d.stage {
		case deliveryParked:
			n++
		case deliveryRetrying:
			if n++; !dry && d.order == "" {
				d.order = Restart
			}
		}
	}
	if n > 0 && !dry {
		p.again = p.last
	}
	return n
}

// quiet reports whether the workflow is to begin anew and can: nobody tells anything any more, and what an operator let go
// is settled.
func (p *process) quiet() bool {
	if p.again == nil {
		return false
	}
	for _, d := range p.deliveries {
		if !d.settled() && d.stage != deliveryStopped && (d.stage != deliveryParked || d.problem == "" || d.order != "") {
			return false
		}
	}
	return true
}

// restart resets the workflow to its first task, without its old commands. Only so are its webhooks there again: they are
// kept in the history and not in memory. The run ends with that; if it goes on, nothing came of it.
func (p *process) restart(ctx workflow.Context) {
	doing := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    30 * time.Second,
		ScheduleToCloseTimeout: patienceWithCode,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Summary:                "begin anew",
	})
	in := activities.RestartInput{Reason: p.again.String()}
	if err := workflow.ExecuteActivity(doing, deeds.Restart, in).Get(ctx, nil); err != nil {
		p.last = p.again
		p.last.Ignored = reason(err)
	}
	p.again, p.stale = nil, true
	for _, d := range p.deliveries {
		if d.stage == deliveryStopped {
			d.stage = deliveryRetrying
			workflow.Go(ctx, func(ctx workflow.Context) { p.deliver(ctx, d) })
		}
	}
}

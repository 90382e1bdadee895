package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
)

// DropOrder is what an operator sends to a destination by the update [Drop]: what it is owed is let go for good.
type DropOrder struct {
	Order
	Before time.Time `json:"before,omitzero"` // only what was recorded before; zero: all there is when the order comes
}

// takeDrops lets go what an operator says, for as long as the workflow runs. It is an update, so that whoever orders it
// learns how much it was, and the history tells it with who and why.
func (d *destination) takeDrops(ctx workflow.Context) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, Drop, d.drop, workflow.UpdateHandlerOptions{
		Validator: func(o DropOrder) error {
			if o.Reason == "" {
				return errors.New("a reason is required: what is dropped is never told")
			}
			return nil
		},
		Description: `Lets go, for good, what was handed over for it: {"reason": "…", "actor": "…", "before": "2026-04-16T08:00:00Z"}; before may be missing.`,
	})
}

func (d *destination) drop(ctx workflow.Context, o DropOrder) (activities.DropResult, error) {
	in := activities.DropInput{Destination: d.Destination, Before: o.Before}
	if in.Before.IsZero() {
		in.Before = workflow.Now(ctx)
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 24 * time.Hour, // it is known to be alive by its heartbeats
		HeartbeatTimeout:    time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Summary:             "drop what is owed",
	})
	var result activities.DropResult
	err := workflow.ExecuteActivity(ctx, chores.DropOwed, in).Get(ctx, &result)
	if err != nil {
		return result, err
	}
	d.last = fmt.Sprintf("drop of %d events by %s", result.Events, orSomebody(o.Kept().Actor))
	d.nudged = true
	return result, nil
}

package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
)

// A Restarter begins workflows anew.
type Restarter interface {
	// Restart resets a workflow to the first task of the run, or of the one that this run goes on with, without its old
	// commands. Repeating it with the same request changes nothing. The error is [ErrForgotten] if that run is gone.
	Restart(ctx context.Context, workflow, run, reason, request string) (newRun string, err error)
}

// ErrForgotten says that Temporal does not keep the beginning of a workflow any more.
var ErrForgotten = errors.New("Temporal does not keep the beginning of the workflow any more")

// RestartInput says why a workflow begins anew.
type RestartInput struct {
	Reason string `json:"reason"`
}

// Restart begins the workflow anew that asks for it. That ends the run which waits for the result.
func (a *Activities) Restart(ctx context.Context, in RestartInput) error {
	info := activity.GetInfo(ctx)
	w := info.WorkflowExecution
	_, err := a.Restarter.Restart(ctx, w.ID, w.RunID, in.Reason, w.RunID+"/"+info.ActivityID)
	if errors.Is(err, ErrForgotten) {
		return temporal.NewNonRetryableApplicationError(ErrForgotten.Error(), "Forgotten", nil)
	}
	return err
}

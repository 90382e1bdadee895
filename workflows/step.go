package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
)

// Deeds and chores are never called: they give the activities their names, checked by the compiler.
var (
	deeds  *activities.Activities   // of webhooks
	chores *activities.Destinations // of destinations
)

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
//
// A regular activity that failed gives an ActivityError; of a local one only what was in it is left.
func mustBeOfActivity(err error) {
	if _, ok := errors.AsType[*temporal.ActivityError](err); ok {
		return
	}
	if _, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return
	}
	if _, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		return
	}
	if _, ok := errors.AsType[*temporal.PanicError](err); ok {
		return
	}
	panic(fmt.Sprintf("result of an activity cannot be read by this version: %v", err))
}

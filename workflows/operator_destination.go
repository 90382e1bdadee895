package workflows

import (
	"context"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"holdfast/activities"
)

// Order sends a destination's workflow the signal [Pause] or [Resume]. It starts the workflow if it does not run.
func (o *Operator) Order(ctx context.Context, destination, signal string, order Order) error {
	options := destinationOptions(o.taskQueue, destination)
	in := activities.DestinationInput{Destination: destination}
	if _, err := o.client.SignalWithStartWorkflow(ctx, options.ID, signal, order, options, Destination, in); err != nil {
		return fmt.Errorf("signal workflow of destination %s: %w", destination, err)
	}
	return nil
}

// Drop has a destination's workflow let go what was handed over for it, and returns when that is done. It starts the workflow
// if it does not run; without a worker it waits for one.
func (o *Operator) Drop(ctx context.Context, destination string, order DropOrder) (activities.DropResult, error) {
	var result activities.DropResult
	if err := NewDesk(o.client, o.taskQueue).Ensure(ctx, destination); err != nil {
		return result, err
	}
	handle, err := o.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: DestinationID(o.taskQueue, destination), UpdateName: Drop, Args: []any{order},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &result)
	}
	if err != nil {
		return result, fmt.Errorf("have workflow of destination %s drop what is owed: %w", destination, err)
	}
	return result, nil
}

// Draining is how far a destination's workflow is with telling what waited.
type Draining struct {
	activities.DrainResult
	Attempt int
}

// Draining asks how far a destination's workflow is with telling what waited; false if it tells nothing now, or does not run.
func (o *Operator) Draining(ctx context.Context, destination string) (d Draining, ok bool, err error) {
	drain, err := pendingDrain(ctx, o.client, o.taskQueue, destination)
	if err != nil || drain == nil {
		return d, false, err
	}
	d.Attempt = int(drain.GetAttempt())
	if beat := drain.GetHeartbeatDetails(); beat != nil {
		_ = o.converter.FromPayloads(beat, &d.DrainResult) // then nothing is known of it yet
	}
	return d, true, nil
}

// Replay starts a workflow that has recorded events told to a destination. Name tells it from others to the same destination;
// the id is returned. One of that name that runs is an error.
func (o *Operator) Replay(ctx context.Context, name string, in ReplayInput) (id string, err error) {
	id = ReplayID(o.taskQueue, in.Destination, name)
	_, err = o.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       id,
		TaskQueue:                                o.taskQueue,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		TypedSearchAttributes:                    temporal.NewSearchAttributes(StageKey.ValueSet(StageProcessing)),
		StaticSummary:                            cut("replay to "+in.Destination+": "+selected(in.Selection), 300),
		Priority:                                 temporal.Priority{PriorityKey: 4, FairnessKey: cut("destination "+in.Destination, 64)},
	}, Replay, in)
	if err != nil {
		return id, fmt.Errorf("start workflow %s: %w", id, err)
	}
	return id, nil
}

// Replayed asks a [Replay] workflow how far it is, and whether it has ended; err is why it failed, if it did.
func (o *Operator) Replayed(ctx context.Context, id string) (r Replayed, ended bool, err error) {
	description, err := o.client.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return r, false, fmt.Errorf("describe workflow %s: %w", id, err)
	}
	info := description.GetWorkflowExecutionInfo()
	if s := info.GetStatus(); s != enums.WORKFLOW_EXECUTION_STATUS_RUNNING && s != enums.WORKFLOW_EXECUTION_STATUS_PAUSED {
		err := o.client.GetWorkflow(ctx, id, info.GetExecution().GetRunId()).Get(ctx, &r)
		if err != nil {
			err = fmt.Errorf("workflow %s has ended: %w", id, err)
		}
		return r, true, err
	}
	value, err := o.client.QueryWorkflow(ctx, id, "", State)
	if err == nil {
		err = value.Get(&r)
	}
	if err != nil {
		return r, false, fmt.Errorf("ask workflow %s: %w", id, err)
	}
	return r, false, nil
}

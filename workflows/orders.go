package workflows

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"holdfast/activities"
)

// Order sends a destination's workflow the signal [Pause] or [Resume]. It starts the workflow if it does not run.
func (d *Desk) Order(ctx context.Context, destination, signal string, o Order) error {
	options := d.options(destination)
	in := activities.DestinationInput{Destination: destination}
	if _, err := d.client.SignalWithStartWorkflow(ctx, options.ID, signal, o, options, Destination, in); err != nil {
		return fmt.Errorf("signal workflow of destination %s: %w", destination, err)
	}
	return nil
}

// Drop has a destination's workflow let go what was handed over for it, and returns when that is done. It starts the workflow
// if it does not run; without a worker it waits for one.
func (d *Desk) Drop(ctx context.Context, destination string, o DropOrder) (activities.DropResult, error) {
	var result activities.DropResult
	if err := d.Ensure(ctx, destination); err != nil {
		return result, err
	}
	handle, err := d.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: DestinationID(d.taskQueue, destination), UpdateName: Drop, Args: []any{o},
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

// Replay starts a workflow that has recorded events told to a destination. Name tells it from others to the same destination;
// the id is returned. One of that name that runs is an error.
func (d *Desk) Replay(ctx context.Context, name string, in ReplayInput) (id string, err error) {
	id = ReplayID(d.taskQueue, in.Destination, name)
	_, err = d.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       id,
		TaskQueue:                                d.taskQueue,
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
func (d *Desk) Replayed(ctx context.Context, id string) (r Replayed, ended bool, err error) {
	description, err := d.client.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return r, false, fmt.Errorf("describe workflow %s: %w", id, err)
	}
	info := description.GetWorkflowExecutionInfo()
	if s := info.GetStatus(); s != enums.WORKFLOW_EXECUTION_STATUS_RUNNING && s != enums.WORKFLOW_EXECUTION_STATUS_PAUSED {
		err := d.client.GetWorkflow(ctx, id, info.GetExecution().GetRunId()).Get(ctx, &r)
		if err != nil {
			err = fmt.Errorf("workflow %s has ended: %w", id, err)
		}
		return r, true, err
	}
	value, err := d.client.QueryWorkflow(ctx, id, "", State)
	if err == nil {
		err = value.Get(&r)
	}
	if err != nil {
		return r, false, fmt.Errorf("ask workflow %s: %w", id, err)
	}
	return r, false, nil
}

// waitingFor finds the workflows of webhooks that still try to tell a destination, or are parked because of it.
// Others may share the namespace.
func (d *Desk) waitingFor(destination string, before time.Time) string {
	query := fmt.Sprintf("%s = '%s' AND %s IN ('%s', '%s') AND WorkflowType = 'ProcessWebhooks' AND TaskQueue = '%s' AND ExecutionStatus = 'Running'",
		WaitingKey.GetName(), destination, StageKey.GetName(), StageParked, StageRetrying, d.taskQueue)
	if !before.IsZero() {
		query += fmt.Sprintf(" AND StartTime < '%s'", before.UTC().Format(time.RFC3339Nano))
	}
	return query
}

// Waiting says how many workflows of webhooks still try to tell a destination, or are parked because of it; of those that
// were started before a time, unless it is zero.
func (d *Desk) Waiting(ctx context.Context, destination string, before time.Time) (int, error) {
	count, err := d.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: d.waitingFor(destination, before)})
	if err != nil {
		return 0, fmt.Errorf("count workflows that wait for %s: %w", destination, err)
	}
	return int(count.GetCount()), nil
}

// Skip has those that [Desk.Waiting] counts let the destination go, one after the other, and returns how many were told so.
// What else they are at goes on.
func (d *Desk) Skip(ctx context.Context, destination string, before time.Time, o Order) (int, error) {
	command := Command{Action: Skip, Destination: destination, Reason: o.Reason, Actor: o.Actor}
	told := 0
	for page := []byte(nil); ; {
		list, err := d.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: d.waitingFor(destination, before), NextPageToken: page})
		if err != nil {
			return told, fmt.Errorf("list workflows that wait for %s: %w", destination, err)
		}
		for _, info := range list.GetExecutions() {
			err := d.client.SignalWorkflow(ctx, info.GetExecution().GetWorkflowId(), "", Reprocess, command)
			if _, gone := errors.AsType[*serviceerror.NotFound](err); gone { // it has ended meanwhile
				continue
			}
			if err != nil {
				return told, fmt.Errorf("signal workflow %s: %w", info.GetExecution().GetWorkflowId(), err)
			}
			told++
		}
		if page = list.GetNextPageToken(); len(page) == 0 {
			return told, nil
		}
	}
}

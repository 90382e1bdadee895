package workflows

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"holdfast/activities"
	"holdfast/internal/webhook"
)

// A Desk reaches workflows for activities and for the worker: those of destinations, and those of what is parked. What people
// order goes by an [Operator]. Make one with [NewDesk].
type Desk struct {
	client    client.Client
	taskQueue string
}

// NewDesk makes a desk on a client.
func NewDesk(c client.Client, taskQueue string) *Desk { return &Desk{c, taskQueue} }

// Ensure starts a destination's workflow unless it runs, which costs nothing in its history.
func (d *Desk) Ensure(ctx context.Context, destination string) error {
	_, err := d.client.ExecuteWorkflow(ctx, destinationOptions(d.taskQueue, destination), Destination, activities.DestinationInput{Destination: destination})
	if err != nil {
		return fmt.Errorf("start workflow of destination %s: %w", destination, err)
	}
	return nil
}

// Look makes a destination's workflow look at what is held and owed. It starts it if it does not run.
func (d *Desk) Look(ctx context.Context, destination string) error {
	o := destinationOptions(d.taskQueue, destination)
	in := activities.DestinationInput{Destination: destination}
	if _, err := d.client.SignalWithStartWorkflow(ctx, o.ID, Look, nil, o, Destination, in); err != nil {
		return fmt.Errorf("signal workflow of destination %s: %w", destination, err)
	}
	return nil
}

// destinationOptions are how a destination's workflow is started, whoever does.
func destinationOptions(taskQueue, destination string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:        DestinationID(taskQueue, destination),
		TaskQueue: taskQueue,
		// Whoever terminates it, gets it back.
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		TypedSearchAttributes:    temporal.NewSearchAttributes(StageKey.ValueSet(StageFlowing)),
		StaticSummary:            cut("destination "+destination, 300),
		Priority:                 temporal.Priority{PriorityKey: 2, FairnessKey: cut("destination "+destination, 64)},
	}
}

// Running reports whether a workflow runs, in whichever run. One that is not known does not.
func (d *Desk) Running(ctx context.Context, workflow string) (bool, error) {
	description, err := d.client.DescribeWorkflowExecution(ctx, workflow, "")
	if _, unknown := errors.AsType[*serviceerror.NotFound](err); unknown {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("describe workflow: %w", err)
	}
	status := description.GetWorkflowExecutionInfo().GetStatus()
	return status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING || status == enums.WORKFLOW_EXECUTION_STATUS_PAUSED, nil
}

// Draining reports whether a destination's workflow tells it at this moment, or tries to.
func (d *Desk) Draining(ctx context.Context, destination string) (bool, error) {
	drain, err := pendingDrain(ctx, d.client, d.taskQueue, destination)
	return drain != nil, err
}

// pendingDrain is the activity by which a destination's workflow tells it what waited; nil if it tells nothing now, or does not
// run.
func pendingDrain(ctx context.Context, c client.Client, taskQueue, destination string) (*workflowpb.PendingActivityInfo, error) {
	description, err := c.DescribeWorkflowExecution(ctx, DestinationID(taskQueue, destination), "")
	if _, unknown := errors.AsType[*serviceerror.NotFound](err); unknown {
		return nil, nil //nolint:nilnil // as its comment says
	}
	if err != nil {
		return nil, fmt.Errorf("describe workflow of destination %s: %w", destination, err)
	}
	for _, a := range description.GetPendingActivities() {
		if a.GetActivityType().GetName() == drainName {
			return a, nil
		}
	}
	return nil, nil //nolint:nilnil // as its comment says
}

// drainName is the name of [activities.Destinations.Drain].
const drainName = "Drain"

// Part starts the workflow of what a destination did not take with the rest: a [ProcessWebhooks] that has nothing to do any
// more but that one delivery.
func (d *Desk) Part(ctx context.Context, p activities.Parted) error {
	r := &Remainder{
		Deliveries: []Parcel{{Notification: p.Notification, Stage: deliveryRetrying, Problem: p.Problem}},
		Types:      map[webhook.Type]int{}, Outcomes: map[webhook.Outcome]int{},
	}
	if p.Problem != "" {
		r.Deliveries[0].Stage = deliveryParked
	}
	source := p.Events[0].Source
	for _, e := range p.Events {
		r.Types[e.Type]++
		r.Accounts = append(r.Accounts, e.Account)
		if e.Source != source {
			source = severalSources
		}
	}
	r.Accounts = listed(r.Accounts)
	attributes := []temporal.SearchAttributeUpdate{StageKey.ValueSet(StageProcessing), SourceKey.ValueSet(source)}
	if len(r.Accounts) > 0 {
		attributes = append(attributes, AccountsKey.ValueSet(r.Accounts))
	}
	summary := fmt.Sprintf("owed to %s: %d events of %s", p.Notification.Destination, len(p.Events), source)
	_, err := d.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       p.Workflow,
		TaskQueue:                d.taskQueue,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		TypedSearchAttributes:    temporal.NewSearchAttributes(attributes...),
		StaticSummary:            cut(summary, 300),
		Priority:                 temporal.Priority{PriorityKey: 3, FairnessKey: cut(source, 64)},
	}, ProcessWebhooks, Group{Resume: r})
	if err != nil {
		return fmt.Errorf("start workflow of what is parked: %w", err)
	}
	return nil
}

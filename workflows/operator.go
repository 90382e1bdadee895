package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"holdfast/activities"
)

// An Operator does for people what they see and order: which workflows of webhooks wait, and that they go on; that destinations
// are paused, resumed, told again, or owed no more. Make one with [NewOperator].
type Operator struct {
	client    client.Client
	namespace string
	taskQueue string
	converter converter.DataConverter
}

// OperatorOptions are the settings of an [Operator].
type OperatorOptions struct {
	Namespace string // the client's
	TaskQueue string
	Converter converter.DataConverter // the client's
}

// NewOperator makes an operator on a client.
func NewOperator(c client.Client, o OperatorOptions) *Operator {
	return &Operator{client: c, namespace: o.Namespace, taskQueue: o.TaskQueue, converter: o.Converter}
}

// Found is a workflow as its search attributes tell it.
type Found struct {
	ID       string    `json:"id"`
	Run      string    `json:"run"`
	Started  time.Time `json:"started"`
	Open     bool      `json:"open"`
	Status   string    `json:"status"` // Temporal's: Running, Completed, Terminated, …
	Stage    string    `json:"stage,omitempty"`
	Source   string    `json:"source,omitempty"`
	Problem  string    `json:"problem,omitempty"` // its kind
	Accounts []string  `json:"accounts,omitempty"`
	Events   []string  `json:"events,omitempty"` // their types
	Waiting  []string  `json:"waiting,omitempty"`
}

// Count counts the workflows that a list filter finds.
func (o *Operator) Count(ctx context.Context, query string) (int64, error) {
	r, err := o.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: o.namespace, Query: query})
	if err != nil {
		return 0, fmt.Errorf("count workflows: %w", err)
	}
	return r.GetCount(), nil
}

const listPage = 1000 // what the server gives at most

// List calls each for workflows that a list filter finds, the latest first, until that returns false. At most is how many
// are wanted; 0 means all.
func (o *Operator) List(ctx context.Context, query string, most int, each func(Found) bool) error {
	page := listPage
	if most > 0 {
		page = min(page, most)
	}
	var next []byte
	for n := 0; ; {
		r, err := o.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: o.namespace, Query: query, PageSize: int32(page), NextPageToken: next,
		})
		if err != nil {
			return fmt.Errorf("list workflows: %w", err)
		}
		for _, info := range r.GetExecutions() {
			if n++; !each(found(info)) || n == most {
				return nil
			}
		}
		if next = r.GetNextPageToken(); len(next) == 0 {
			return nil
		}
	}
}

// Find describes the latest run of a workflow; false if Temporal does not know it.
func (o *Operator) Find(ctx context.Context, workflow string) (Found, bool, error) {
	d, err := o.client.DescribeWorkflowExecution(ctx, workflow, "")
	if _, unknown := errors.AsType[*serviceerror.NotFound](err); unknown {
		return Found{}, false, nil
	}
	if err != nil {
		return Found{}, false, fmt.Errorf("describe workflow %s: %w", workflow, err)
	}
	return found(d.GetWorkflowExecutionInfo()), true, nil
}

func found(info *workflowpb.WorkflowExecutionInfo) Found {
	status := info.GetStatus()
	f := Found{
		ID: info.GetExecution().GetWorkflowId(), Run: info.GetExecution().GetRunId(), Started: info.GetStartTime().AsTime(),
		Open:   status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING || status == enums.WORKFLOW_EXECUTION_STATUS_PAUSED,
		Status: status.String(),
	}
	attributes := info.GetSearchAttributes().GetIndexedFields()
	read := func(name string, into any) {
		_ = json.Unmarshal(attributes[name].GetData(), into) // absent is empty
	}
	read(StageKey.GetName(), &f.Stage)
	read(SourceKey.GetName(), &f.Source)
	read(ProblemKey.GetName(), &f.Problem)
	read(AccountsKey.GetName(), &f.Accounts)
	read(EventsKey.GetName(), &f.Events)
	read(WaitingKey.GetName(), &f.Waiting)
	return f
}

// State asks a workflow how it stands. That takes a worker.
func (o *Operator) State(ctx context.Context, workflow string) (Status, error) {
	var s Status
	value, err := o.client.QueryWorkflow(ctx, workflow, "", State)
	if err == nil {
		err = value.Get(&s)
	}
	if err != nil {
		return Status{}, fmt.Errorf("ask workflow %s: %w", workflow, err)
	}
	return s, nil
}

// Send gives an open workflow a command and returns its answer. That takes a worker. A command that can do nothing is an
// error in the workflow's words.
func (o *Operator) Send(ctx context.Context, workflow string, c Command) (Status, error) {
	var s Status
	handle, err := o.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: workflow, UpdateName: Reprocess, Args: []any{c}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &s)
	}
	if err != nil {
		return Status{}, fmt.Errorf("reprocess %s: %w", workflow, err)
	}
	return s, nil
}

// Signal gives a run of a workflow a command. It returns when that is kept; nobody says what became of it.
func (o *Operator) Signal(ctx context.Context, workflow, run string, c Command) error {
	if err := o.client.SignalWorkflow(ctx, workflow, run, Reprocess, c); err != nil {
		return fmt.Errorf("signal %s: %w", workflow, err)
	}
	return nil
}

// Restart resets a workflow to the first task of the run, or of the one that this run goes on with, without its old
// commands; an empty run is the latest. Repeating it with the same request, if that is not empty, changes nothing. The error
// wraps [activities.ErrForgotten] if that run is gone.
func (o *Operator) Restart(ctx context.Context, workflow, run, reason, request string) (newRun string, err error) {
	var task int64
	for {
		var started *historypb.WorkflowExecutionStartedEventAttributes
		if started, task, err = o.beginning(ctx, workflow, run); err != nil {
			return "", fmt.Errorf("reset %s: %w", workflow, err)
		}
		before := started.GetContinuedExecutionRunId()
		if before == "" {
			break
		}
		run = before // which has all of the webhooks
	}
	if task == 0 {
		return "", fmt.Errorf("reset %s: it has not begun", workflow)
	}
	r, err := o.client.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 o.namespace,
		WorkflowExecution:         &commonpb.WorkflowExecution{WorkflowId: workflow, RunId: run},
		Reason:                    reason,
		WorkflowTaskFinishEventId: task,
		RequestId:                 request,
		ResetReapplyExcludeTypes:  []enums.ResetReapplyExcludeType{enums.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL, enums.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE},
	})
	if err != nil {
		return "", fmt.Errorf("reset %s: %w", workflow, err)
	}
	return r.GetRunId(), nil
}

// beginning reads how a run began: its first event, and where its first task ended. If that has not ended, it is where it
// would have; 0 if there is none.
func (o *Operator) beginning(ctx context.Context, workflow, run string) (*historypb.WorkflowExecutionStartedEventAttributes, int64, error) {
	var started *historypb.WorkflowExecutionStartedEventAttributes
	var task int64
	events := o.client.GetWorkflowHistory(ctx, workflow, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
			return nil, 0, activities.ErrForgotten
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read history: %w", err)
		}
		switch {
		case e.GetWorkflowExecutionStartedEventAttributes() != nil:
			started = e.GetWorkflowExecutionStartedEventAttributes()
		case e.GetWorkflowTaskScheduledEventAttributes() != nil && task == 0:
			task = e.GetEventId() + 1
		case e.GetWorkflowTaskCompletedEventAttributes() != nil:
			return started, e.GetEventId(), nil
		}
	}
	if started == nil { // what is gone has no events
		return nil, 0, activities.ErrForgotten
	}
	return started, task, nil
}

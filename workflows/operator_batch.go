package workflows

import (
	"context"
	"fmt"

	"go.temporal.io/api/batch/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// SignalAll has Temporal give all open workflows that a list filter finds a command. It goes on by itself, as the batch job
// of that name; see [Operator.Progress]. The server limits how many of these there may be, and how fast they are.
func (o *Operator) SignalAll(ctx context.Context, job, query, reason string, c Command) error {
	input, err := o.converter.ToPayloads(c)
	if err != nil {
		return fmt.Errorf("encode command: %w", err)
	}
	_, err = o.client.WorkflowService().StartBatchOperation(ctx, &workflowservice.StartBatchOperationRequest{
		Namespace: o.namespace, JobId: job, VisibilityQuery: query, Reason: reason,
		Operation: &workflowservice.StartBatchOperationRequest_SignalOperation{
			SignalOperation: &batch.BatchOperationSignal{Signal: Reprocess, Input: input, Identity: c.Actor},
		},
	})
	if err != nil {
		return fmt.Errorf("start batch: %w", err)
	}
	return nil
}

// Progress is how far a batch job is.
type Progress struct {
	Total  int64 // an estimate, until it ended
	Done   int64
	Failed int64
	Ended  bool
	Broken bool // it ended before its time: it failed, or somebody terminated it
}

// Progress asks how far a batch job is.
func (o *Operator) Progress(ctx context.Context, job string) (Progress, error) {
	r, err := o.client.WorkflowService().DescribeBatchOperation(ctx, &workflowservice.DescribeBatchOperationRequest{Namespace: o.namespace, JobId: job})
	if err != nil {
		return Progress{}, fmt.Errorf("describe batch: %w", err)
	}
	state := r.GetState()
	return Progress{
		Total: r.GetTotalOperationCount(), Done: r.GetCompleteOperationCount(), Failed: r.GetFailureOperationCount(),
		Ended:  state != enums.BATCH_OPERATION_STATE_RUNNING,
		Broken: state == enums.BATCH_OPERATION_STATE_FAILED,
	}, nil
}

package temporal

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// Gone reports whether Temporal has forgotten a workflow, so that nothing refers any more to what belongs to it: no run of
// it exists, and none is listed, such as an older one that outlived the latest, which an operator deleted.
func Gone(ctx context.Context, c client.Client, workflow string) (bool, error) {
	_, err := c.DescribeWorkflowExecution(ctx, workflow, "")
	if err == nil {
		return false, nil
	}
	// That of the namespace is an error of another type.
	if _, ok := errors.AsType[*serviceerror.NotFound](err); !ok {
		return false, fmt.Errorf("ask for the workflow: %w", err)
	}
	if strings.ContainsAny(workflow, `"'\`+"`") { // none of ours; it cannot be asked for safely
		return false, nil
	}
	answer, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: `WorkflowId = "` + workflow + `"`})
	if err != nil {
		return false, fmt.Errorf("count runs of the workflow: %w", err)
	}
	return answer.GetCount() == 0, nil
}

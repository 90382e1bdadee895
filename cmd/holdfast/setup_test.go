package main

import (
	"fmt"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"holdfast/internal/temporal"
	"holdfast/workflows"
)

// A retention that somebody has chosen is raised if it is too short, and never lowered.
func TestSetupNeverLowersRetention(t *testing.T) {
	c, _ := temporalServer(t)
	const day = 24 * time.Hour
	for name, r := range map[string]struct{ before, after time.Duration }{
		"long":  {30 * day, 30 * day},
		"short": {day, temporal.Retention},
	} {
		t.Run(name, func(t *testing.T) {
			namespace := fmt.Sprintf("retention-%s-%x", name, time.Now().UnixNano())
			if _, err := c.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
				Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(r.before),
			}); err != nil {
				t.Fatal(err)
			}
			var plan temporal.Plan
			eventually(t, "the namespace is known", func() (known bool) {
				var err error
				plan, err = temporal.Check(t.Context(), c, namespace, workflows.SearchAttributes())
				return err == nil && !plan.Create
			})
			if err := temporal.Apply(t.Context(), c, plan); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the retention is known", func() bool {
				after, err := temporal.Check(t.Context(), c, namespace, workflows.SearchAttributes())
				if err != nil {
					t.Fatal(err)
				}
				if r.before > r.after && after.Retention < r.before {
					t.Errorf("retention lowered to %s", after.Retention)
				}
				return after.Done() && after.Retention == r.after
			})
		})
	}
}

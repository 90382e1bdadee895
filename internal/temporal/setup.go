package temporal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Retention is how long a closed workflow should be kept: a redelivery is recognized by it, and Meta redelivers for
// seven days. Less than MinRetention is reported.
const (
	Retention    = 10 * 24 * time.Hour
	MinRetention = 8 * 24 * time.Hour
)

// A Plan is what a namespace lacks for Holdfast to work in it.
type Plan struct {
	Namespace  string
	Create     bool                          // the namespace does not exist
	Retention  time.Duration                 // what it is now; 0 if it does not exist
	Attributes []temporal.SearchAttributeKey // search attributes that are missing
	Conflicts  []string                      // search attributes that exist with another type: these cannot be mended here
}

// Unusable reports whether something is missing without which no webhook can be processed.
func (p Plan) Unusable() bool { return p.Create || len(p.Attributes) > 0 || len(p.Conflicts) > 0 }

// Done reports whether nothing is missing.
func (p Plan) Done() bool { return !p.Unusable() && p.Retention >= MinRetention }

// Steps says in words what carrying the plan out would change.
func (p Plan) Steps() []string {
	var steps []string
	switch {
	case p.Create:
		steps = append(steps, fmt.Sprintf("create namespace %s, closed workflows kept for %s", p.Namespace, days(Retention)))
	case p.Retention < MinRetention:
		steps = append(steps, fmt.Sprintf("raise the retention of namespace %s from %s to %s", p.Namespace, days(p.Retention), days(Retention)))
	}
	for _, a := range p.Attributes {
		steps = append(steps, fmt.Sprintf("add search attribute %s (%s)", a.GetName(), a.GetValueType()))
	}
	for _, c := range p.Conflicts {
		steps = append(steps, "cannot be mended: "+c)
	}
	return steps
}

func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}

// Check finds out what a namespace lacks. It changes nothing.
func Check(ctx context.Context, c client.Client, namespace string, attributes []temporal.SearchAttributeKey) (Plan, error) {
	p := Plan{Namespace: namespace}
	described, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	var missing *serviceerror.NamespaceNotFound
	switch {
	case errors.As(err, &missing):
		p.Create, p.Attributes = true, attributes
		return p, nil
	case err != nil:
		return p, fmt.Errorf("describe namespace %s: %w", namespace, err)
	}
	p.Retention = described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	known, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return p, fmt.Errorf("list search attributes of namespace %s: %w", namespace, err)
	}
	for _, a := range attributes {
		switch has, ok := known.GetCustomAttributes()[a.GetName()]; {
		case !ok:
			p.Attributes = append(p.Attributes, a)
		case has != a.GetValueType():
			p.Conflicts = append(p.Conflicts, fmt.Sprintf("search attribute %s is a %s, and must be a %s", a.GetName(), has, a.GetValueType()))
		}
	}
	return p, nil
}

// Apply carries a plan out and waits until it can be seen. Carrying it out again changes nothing; a retention is raised,
// never lowered.
func Apply(ctx context.Context, c client.Client, p Plan) error {
	if len(p.Conflicts) > 0 {
		return fmt.Errorf("set up namespace %s: %s", p.Namespace, p.Conflicts[0])
	}
	switch {
	case p.Create:
		_, err := c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
			Namespace: p.Namespace, WorkflowExecutionRetentionPeriod: durationpb.New(Retention),
		})
		var exists *serviceerror.NamespaceAlreadyExists // somebody was faster
		if err != nil && !errors.As(err, &exists) {
			return fmt.Errorf("create namespace %s: %w", p.Namespace, err)
		}
	case p.Retention < MinRetention:
		_, err := c.WorkflowService().UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
			Namespace: p.Namespace,
			Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(Retention)},
		})
		if err != nil {
			return fmt.Errorf("raise retention of namespace %s: %w", p.Namespace, err)
		}
	}
	if len(p.Attributes) > 0 {
		add := make(map[string]enums.IndexedValueType, len(p.Attributes))
		for _, a := range p.Attributes {
			add[a.GetName()] = a.GetValueType()
		}
		if err := addAttributes(ctx, c, p.Namespace, add); err != nil {
			return err
		}
	}
	return visible(ctx, c, p)
}

// addAttributes tries for a while: a namespace that was just created is not known to all parts of a cluster at once.
func addAttributes(ctx context.Context, c client.Client, namespace string, add map[string]enums.IndexedValueType) error {
	return until(ctx, func() error {
		_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
			Namespace: namespace, SearchAttributes: add,
		})
		var exists *serviceerror.AlreadyExists
		if err != nil && !errors.As(err, &exists) {
			return fmt.Errorf("add search attributes to namespace %s: %w", namespace, err)
		}
		return nil
	})
}

// visible waits until the namespace has what the plan was to give it, and until it can be used: a cluster keeps what it
// knows of search attributes for up to a minute, and refuses new ones until then.
func visible(ctx context.Context, c client.Client, p Plan) error {
	return until(ctx, func() error {
		after, err := Check(ctx, c, p.Namespace, p.Attributes)
		if err == nil && !after.Done() {
			err = fmt.Errorf("namespace %s still lacks: %v", p.Namespace, after.Steps())
		}
		for _, a := range p.Attributes {
			if err == nil {
				_, err = c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
					Namespace: p.Namespace, Query: a.GetName() + " IS NULL",
				})
			}
		}
		return err
	})
}

// until repeats what an eventually consistent server may refuse at first, until it succeeds or two minutes have passed.
func until(ctx context.Context, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

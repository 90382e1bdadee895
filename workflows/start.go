package workflows

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"holdfast/internal/webhook"
)

// A Starter makes webhooks durable by starting a workflow for them. Few starts are in flight at a time: more of them
// would only queue in the server. Make one with [NewStarter].
type Starter struct {
	client    client.Client
	taskQueue string
	converter converter.DataConverter
	eager     bool
	slots     chan struct{}
}

// StarterOptions are the settings of a [Starter].
type StarterOptions struct {
	TaskQueue string
	InFlight  int                     // starts at a time
	Eager     bool                    // a worker runs in this process on the same client
	Converter converter.DataConverter // the client's, to measure what a webhook will take
}

// NewStarter makes a starter on a client.
func NewStarter(c client.Client, o StarterOptions) *Starter {
	return &Starter{client: c, taskQueue: o.TaskQueue, converter: o.Converter, eager: o.Eager, slots: make(chan struct{}, o.InFlight)}
}

const (
	// maxInput bounds a workflow's input as it is stored. A payload may have 2 MiB; the events, which are not larger than
	// their webhooks by much, must fit as well.
	maxInput = 3 << 19
	// surelyFits is the size of bodies that need no measuring: not even escaping every byte makes these too large.
	surelyFits = 256 << 10
)

// Start starts a workflow for a webhook and returns when that is durable. The errors are [webhook.ErrDuplicate],
// [webhook.ErrTooLarge], or what kept Temporal from taking it, which may pass.
func (s *Starter) Start(ctx context.Context, w webhook.Webhook, peek webhook.Peek) error {
	group := Group{Webhooks: []webhook.Webhook{w}}
	if len(w.Body) > surelyFits {
		payload, err := s.converter.ToPayload(group)
		if err != nil {
			return fmt.Errorf("encode webhook: %w", err)
		}
		if len(payload.GetData()) > maxInput {
			return webhook.ErrTooLarge
		}
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return fmt.Errorf("wait for a start: %w", context.Cause(ctx))
	}
	options := s.options(group.Webhooks, peek)
	_, err := s.client.ExecuteWorkflow(ctx, options, ProcessWebhooks, group)
	if _, ok := errors.AsType[*serviceerror.InvalidArgument](err); ok {
		// Most likely the namespace does not know our search attributes yet. That must not cost the webhook, nor must
		// anything else that is only for those who watch: the workflow waits until it does.
		options.TypedSearchAttributes, options.StaticSummary, options.Priority = temporal.SearchAttributes{}, "", temporal.Priority{}
		_, err = s.client.ExecuteWorkflow(ctx, options, ProcessWebhooks, group)
	}
	switch {
	case temporal.IsWorkflowExecutionAlreadyStartedError(err):
		return webhook.ErrDuplicate
	case err != nil:
		return fmt.Errorf("start workflow: %w", err)
	}
	return nil
}

func (s *Starter) options(group []webhook.Webhook, peek webhook.Peek) client.StartWorkflowOptions {
	first := group[0]
	attributes := []temporal.SearchAttributeUpdate{SourceKey.ValueSet(first.Source), StageKey.ValueSet(StageProcessing)}
	if accounts := listed(peek.Accounts); len(accounts) > 0 {
		attributes = append(attributes, AccountsKey.ValueSet(accounts))
	}
	return client.StartWorkflowOptions{
		ID:        ID(group),
		TaskQueue: s.taskQueue,
		// What was completed is known; what was terminated or timed out may come again.
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		EnableEagerStart:                         s.eager,
		TypedSearchAttributes:                    temporal.NewSearchAttributes(attributes...),
		StaticSummary:                            summary(first.Source, peek),
		Priority:                                 priority(first.Source, peek),
	}
}

// summary is one line for the list of workflows: what came, from where, about which account.
// The server takes 400 bytes.
func summary(source string, peek webhook.Peek) string {
	fields := listed(peek.Fields)
	text := source + ": " + strings.Join(fields[:min(len(fields), 3)], ", ")
	if len(fields) == 0 {
		text = source + ": unrecognized"
	}
	switch n := len(peek.Accounts); {
	case n == 1:
		text += " of account " + listed(peek.Accounts)[0]
	case n > 1:
		text += fmt.Sprintf(" of %d accounts", n)
	}
	return cut(text, 300)
}

// priority puts what is urgent first, and keeps one busy account from starving the others.
func priority(source string, peek webhook.Peek) temporal.Priority {
	p := temporal.Priority{PriorityKey: 3, FairnessKey: source}
	if peek.Urgent {
		p.PriorityKey = 1
	}
	if len(peek.Accounts) > 0 {
		p.FairnessKey = peek.Accounts[0]
	}
	p.FairnessKey = cut(p.FairnessKey, 64)
	return p
}

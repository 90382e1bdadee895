package workflows

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"holdfast/internal/webhook"
)

// A Starter makes groups of webhooks durable by starting a workflow for each group. Make one with [NewStarter].
type Starter struct {
	client    client.Client
	taskQueue string
	converter converter.DataConverter
	maxInput  int
	eager     bool
}

// StarterOptions are the settings of a [Starter].
type StarterOptions struct {
	TaskQueue string
	Eager     bool                    // a worker runs in this process on the same client
	Converter converter.DataConverter // the client's, to measure what a webhook will take
	MaxInput  int                     // bytes that a webhook may take, as encoded; 0: what fits in a history
}

// NewStarter makes a starter on a client.
func NewStarter(c client.Client, o StarterOptions) *Starter {
	return &Starter{client: c, taskQueue: o.TaskQueue, converter: o.Converter, maxInput: cmp.Or(o.MaxInput, maxInput), eager: o.Eager}
}

// maxInput bounds a workflow's input as it is stored in a history. A payload may have 2 MiB; the events, which are not
// larger than their webhooks by much, must fit as well. Where there is a storage for what is larger, it may be more.
const maxInput = 3 << 19

// A task of a group, or of a large webhook, has much to do. If Temporal took it for lost while a busy machine is at it and
// gave it to somebody else, who would not be faster, all of it would be done twice. What is urgent and small is done again
// soon if its worker died.
const (
	large       = 256 << 10 // bytes of bodies
	taskTimeout = 30 * time.Second
	soon        = 10 * time.Second
)

// Size is how many bytes a group takes, compressed, and how many it may take.
func (s *Starter) Size(group []webhook.Webhook) (size, most int, err error) {
	payload, err := s.converter.ToPayload(Group{Webhooks: group})
	if err != nil {
		return 0, 0, fmt.Errorf("encode webhooks: %w", err)
	}
	return len(payload.GetData()), s.maxInput, nil
}

// Start starts a workflow for a group and returns when that is durable. Peek is what is known of all of it. The errors are
// [webhook.ErrDuplicate]; one that wraps [webhook.ErrUnprocessable] if Temporal does not take the group as it is; or what
// kept Temporal from taking it, which may pass.
func (s *Starter) Start(ctx context.Context, webhooks []webhook.Webhook, peek webhook.Peek) error {
	group := Group{Webhooks: webhooks}
	options := s.options(webhooks, peek)
	_, err := s.client.ExecuteWorkflow(ctx, options, ProcessWebhooks, group)
	if invalid(err) {
		// Most likely the namespace does not know our search attributes yet. That must not cost the webhooks, nor must
		// anything else that is only for those who watch: the workflow waits until it does.
		options.TypedSearchAttributes, options.StaticSummary, options.Priority = temporal.SearchAttributes{}, "", temporal.Priority{}
		_, err = s.client.ExecuteWorkflow(ctx, options, ProcessWebhooks, group)
	}
	switch {
	case temporal.IsWorkflowExecutionAlreadyStartedError(err):
		return webhook.ErrDuplicate
	case invalid(err):
		return fmt.Errorf("start workflow: %w: %w", webhook.ErrUnprocessable, err)
	case err != nil:
		return fmt.Errorf("start workflow: %w", err)
	}
	return nil
}

func invalid(err error) bool {
	_, ok := errors.AsType[*serviceerror.InvalidArgument](err)
	return ok
}

func (s *Starter) options(group []webhook.Webhook, peek webhook.Peek) client.StartWorkflowOptions {
	source := group[0].Source
	for _, w := range group[1:] {
		if w.Source != source {
			source = severalSources
		}
	}
	attributes := []temporal.SearchAttributeUpdate{SourceKey.ValueSet(source), StageKey.ValueSet(StageProcessing)}
	if accounts := listed(peek.Accounts); len(accounts) > 0 {
		attributes = append(attributes, AccountsKey.ValueSet(accounts))
	}
	timeout := taskTimeout
	if peek.Urgent && len(group) == 1 && len(group[0].Body) < large {
		timeout = soon
	}
	return client.StartWorkflowOptions{
		ID:        ID(group),
		TaskQueue: s.taskQueue,
		// What was completed is known; what was terminated or timed out may come again.
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		EnableEagerStart:                         s.eager,
		WorkflowTaskTimeout:                      timeout,
		TypedSearchAttributes:                    temporal.NewSearchAttributes(attributes...),
		StaticSummary:                            summary(source, len(group), peek),
		Priority:                                 priority(source, peek),
	}
}

// severalSources stands for a source where a group has webhooks of more than one. No source has a name with a space.
const severalSources = "several sources"

// summary is one line for the list of workflows: what came, from where, about which account.
// The server takes 400 bytes.
func summary(source string, webhooks int, peek webhook.Peek) string {
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
	if webhooks > 1 {
		text += fmt.Sprintf(" (%d webhooks)", webhooks)
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

package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
	"holdfast/internal/webhook"
)

// show writes how things are to the search attributes and the details.
func (d *destination) show(ctx workflow.Context) {
	stage, problem := StageFlowing, ""
	if h := d.standing.Hold; h != nil {
		stage, problem = StageHeld, string(h.Cause)
		if h.Cause == webhook.ByOperator {
			stage = StagePaused
		}
	}
	if shown, _ := workflow.GetTypedSearchAttributes(ctx).GetKeyword(StageKey); shown != stage {
		updates := []temporal.SearchAttributeUpdate{StageKey.ValueSet(stage), ProblemKey.ValueUnset(), WaitingKey.ValueUnset()}
		if problem != "" {
			updates = updates[:1]
			updates = append(updates, ProblemKey.ValueSet(problem), WaitingKey.ValueSet(listed([]string{d.Destination})))
		}
		if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
			workflow.GetLogger(ctx).Warn("Search attributes not updated", "error", err)
		}
	}
	d.details(ctx)
}

// details is what an operator reads in the Temporal UI. It holds no person's number, name or text.
func (d *destination) details(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, details(d.standing, d.draining, d.last, addressed(ctx)))
}

// addressed is how a temporal command names this workflow behind --workflow-id.
func addressed(ctx workflow.Context) string {
	info := workflow.GetInfo(ctx)
	if info.Namespace == "default" {
		return info.WorkflowExecution.ID
	}
	return info.WorkflowExecution.ID + " --namespace " + info.Namespace
}

func details(s activities.Standing, draining bool, last, id string) string {
	var b strings.Builder
	switch h := s.Hold; {
	case h == nil && s.Own:
		b.WriteString("**Flowing**: it is told by this workflow and nobody else, as events are recorded" + manner(s) + ".\n\n")
	case h == nil:
		b.WriteString("**Flowing**: it is told by the workflows of webhooks, as they come.\n\n")
	case h.Cause == webhook.ByOperator:
		fmt.Fprintf(&b, "**Paused** by %s since %s%s\n\n", literally(orSomebody(h.Actor)), moment(h.Since), because(literally(h.Reason)))
		b.WriteString("Nobody tells it. Workflows leave what it is owed to this one, and end.\n\n")
	default:
		fmt.Fprintf(&b, "**Held** since %s%s\n\n", moment(h.Since), because(h.Reason))
		b.WriteString("Nobody tells it. Workflows leave what it is owed to this one, which ")
		switch h.Probes {
		case 0:
		case 1:
			b.WriteString("has asked it once in vain and ")
		default:
			fmt.Fprintf(&b, "has asked it %d times in vain and ", h.Probes)
		}
		fmt.Fprintf(&b, "asks again at %s.\n\n", moment(h.Next))
		if h.Advice != "" {
			fmt.Fprintf(&b, "**What to do**: %s\n\n", h.Advice)
		}
	}
	switch {
	case s.Owed == 0:
		b.WriteString("- It is owed nothing.\n")
	default:
		fmt.Fprintf(&b, "- Notifications that it is owed: %d, the oldest since %s.\n", s.Owed, moment(s.Oldest))
		fmt.Fprintf(&b, "- Left to this workflow: %d of them; with workflows that still try, or are parked: %d.\n", s.Handed, s.Owed-s.Handed)
	}
	if draining {
		b.WriteString("- It is being told what is left to this workflow, the oldest first. The pending activity says how much already, and what fails or is waited for.\n")
	}
	if !s.Configured && (s.Owed > 0 || s.Hold != nil) {
		b.WriteString("- It is **not in the configuration**. Put it back, if only until it is told what it is owed.\n")
	}
	b.WriteString("- What it refuses for itself is parked in workflows of its own.\n")
	fmt.Fprintf(&b, "\nAs of %s.\n", moment(s.At))
	if last != "" {
		fmt.Fprintf(&b, "\nLast command: %s.\n", literally(last))
	}
	b.WriteString("\nSend a signal, here or by command:\n\n")
	command := func(signal, does string) {
		fmt.Fprintf(&b, "- `temporal workflow signal --workflow-id %s --name %s --input '{\"reason\": \"…\", \"actor\": \"…\"}'` %s\n", id, signal, does)
	}
	switch h := s.Hold; {
	case h == nil:
		command(Pause, "to hold it")
	case h.Cause == webhook.ByOperator:
		command(Resume, "to tell it again")
	default:
		command(Resume, "to ask it at once")
		command(Pause, "to hold it until you resume it")
	}
	return b.String()
}

// manner is how a destination is told that nobody else tells.
func manner(s activities.Standing) string {
	var how string
	if s.Ordered {
		how = ", of each account in the order in which they were"
	}
	if s.Rate > 0 {
		how += ", at most " + webhook.PerTime(s.Rate)
	}
	return how
}

func because(reason string) string {
	if reason == "" {
		return "."
	}
	return ": " + strings.TrimRight(reason, ".") + "."
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

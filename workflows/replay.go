package workflows

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
	"holdfast/internal/webhook"
)

// ReplayInput says which recorded events a destination is to be told, again or for the first time, and who wants that.
type ReplayInput struct {
	Destination string `json:"destination"`
	webhook.Selection
	Order
	Resume *Replayed `json:"resume,omitempty"` // what a run hands to the next one
}

// Replayed is how far a [Replay] is: what the query [State] tells, and what the workflow returns in the end.
type Replayed struct {
	Stage    string    `json:"stage"`    // processing, paused, owed, recorded (nothing was selected)
	Selected int       `json:"selected"` // events, as counted at the beginning
	Events   int       `json:"events"`   // of them that are handed over to the destination's workflow
	Until    time.Time `json:"until"`    // only what was recorded before
	After    string    `json:"after,omitempty"`
	Last     string    `json:"last,omitempty"` // what an operator ordered last
}

// Replay has recorded events told to a destination, new or old, under the ids that they have. It makes them be owed, portion
// by portion, and hands them over to the destination's own workflow, which tells them as it tells everything: with its rate
// and order, and once the destination is neither held nor paused. What is recorded after the start is not replayed: who is to
// be told of that is told anyway.
//
// It takes the signals [Pause] and [Resume], and may be cancelled; what is handed over by then remains so.
func Replay(ctx workflow.Context, in ReplayInput) (Replayed, error) {
	if in.Destination == "" {
		return Replayed{}, temporal.NewNonRetryableApplicationError("the input names no destination", "InvalidReplay", nil)
	}
	r := &replay{ReplayInput: in}
	r.Order = in.Kept()
	if in.Resume != nil {
		r.done, r.paused = *in.Resume, in.Resume.Stage == StagePaused
	}
	if err := r.listen(ctx); err != nil {
		return r.done, err
	}
	if in.Resume == nil {
		if err := r.count(ctx); err != nil {
			return r.done, err
		}
	}
	for {
		if r.paused {
			r.show(ctx, StagePaused)
			if err := workflow.Await(ctx, func() bool { return !r.paused }); err != nil {
				return r.cancelled(ctx, err)
			}
		}
		r.show(ctx, StageProcessing)
		result, err := r.handOver(ctx)
		if err != nil && ctx.Err() == nil {
			return r.done, err
		}
		if err == nil {
			r.done.Events, r.done.After = r.done.Events+result.Events, result.After
		}
		switch {
		case result.Done:
			r.show(ctx, r.end())
			return r.done, nil
		case ctx.Err() != nil:
			return r.cancelled(ctx, ctx.Err())
		case workflow.GetInfo(ctx).GetContinueAsNewSuggested() && r.unheard() == 0:
			in.Resume = &r.done
			return r.done, workflow.NewContinueAsNewError(ctx, Replay, in)
		}
	}
}

// A replay is the state of one run.
type replay struct {
	ReplayInput
	done    Replayed
	paused  bool
	unheard func() int // signals that nobody has taken yet
}

// count fixes what is selected, and says how many events these are.
func (r *replay) count(ctx workflow.Context) error {
	r.done.Stage, r.done.Until = StageProcessing, r.Until
	if now := workflow.Now(ctx); r.Until.IsZero() || r.Until.After(now) {
		r.done.Until = now
	}
	attributes := []temporal.SearchAttributeUpdate{StageKey.ValueSet(StageProcessing)}
	if accounts := listed(r.Accounts); len(accounts) > 0 {
		attributes = append(attributes, AccountsKey.ValueSet(accounts))
	}
	if types := listed(r.Types); len(types) > 0 {
		attributes = append(attributes, EventsKey.ValueSet(types))
	}
	if len(r.Sources) == 1 {
		attributes = append(attributes, SourceKey.ValueSet(cut(r.Sources[0], maxKeyword)))
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, attributes...); err != nil {
		workflow.GetLogger(ctx).Warn("Search attributes not updated", "error", err)
	}
	counting := r.regular(ctx, "count what is selected")
	return workflow.ExecuteActivity(counting, chores.CountSelected, r.selection()).Get(ctx, &r.done.Selected)
}

// handOver hands over some portions. One that is cancelled says how far it has come.
func (r *replay) handOver(ctx workflow.Context) (activities.HandOverResult, error) {
	var result activities.HandOverResult
	info := workflow.GetInfo(ctx)
	in := activities.HandOverInput{
		Destination: r.Destination, Selection: r.selection(), After: r.done.After,
		// Of the first run, so that a reset adds nothing, and another workflow of this id adds everything once more.
		Owner: info.WorkflowExecution.ID + "/" + info.FirstRunID,
	}
	err := workflow.ExecuteActivity(r.regular(ctx, "hand over to "+r.Destination), chores.HandOverSelected, in).Get(ctx, &result)
	return result, err
}

func (r *replay) regular(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 24 * time.Hour, // it is known to be alive by its heartbeats
		HeartbeatTimeout:    30 * time.Second,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Summary:             cut(summary, 200),
	})
}

func (r *replay) selection() webhook.Selection {
	s := r.Selection
	s.Until = r.done.Until
	return s
}

func (r *replay) end() string {
	if r.done.Events == 0 {
		return StageRecorded
	}
	return StageOwed
}

func (r *replay) cancelled(ctx workflow.Context, err error) (Replayed, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	r.done.Last = "cancel"
	r.show(ctx, StageGivenUp)
	return r.done, err
}

// listen takes signals for as long as the workflow runs.
func (r *replay) listen(ctx workflow.Context) error {
	const in = ` {"reason": "…", "actor": "…"}`
	pauses := workflow.GetSignalChannelWithOptions(ctx, Pause, workflow.SignalChannelOptions{
		Description: "Hands over nothing more until it is resumed. What is handed over already is told; to stop that, pause the destination." + in,
	})
	resumes := workflow.GetSignalChannelWithOptions(ctx, Resume, workflow.SignalChannelOptions{Description: "Goes on." + in})
	r.unheard = func() int { return pauses.Len() + resumes.Len() }
	selector := workflow.NewNamedSelector(ctx, "signals")
	take := func(pause bool, word string) func(workflow.ReceiveChannel, bool) {
		return func(c workflow.ReceiveChannel, _ bool) {
			var o Order
			c.Receive(ctx, &o)
			r.paused, r.done.Last = pause, word+" by "+orSomebody(o.Kept().Actor)
		}
	}
	selector.AddReceive(pauses, take(true, "pause"))
	selector.AddReceive(resumes, take(false, "resume"))
	workflow.Go(ctx, func(ctx workflow.Context) {
		for ctx.Err() == nil {
			selector.Select(ctx)
		}
	})
	return workflow.SetQueryHandlerWithOptions(ctx, State, func() (Replayed, error) { return r.done, nil },
		workflow.QueryHandlerOptions{Description: "How many events are selected, and how many of them are handed over."})
}

// show writes how far it is to the search attributes and the details.
func (r *replay) show(ctx workflow.Context, stage string) {
	r.done.Stage = stage
	if shown, _ := workflow.GetTypedSearchAttributes(ctx).GetKeyword(StageKey); shown != stage {
		if err := workflow.UpsertTypedSearchAttributes(ctx, StageKey.ValueSet(stage)); err != nil {
			workflow.GetLogger(ctx).Warn("Search attributes not updated", "error", err)
		}
	}
	workflow.SetCurrentDetails(ctx, r.details(addressed(ctx)))
}

// details is what an operator reads in the Temporal UI. It holds no person's number, name or text.
func (r *replay) details(id string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**Replay** of recorded events to %s, ordered by %s%s\n\n", r.Destination, literally(orSomebody(r.Actor)), because(literally(r.Reason)))
	fmt.Fprintf(&b, "- Selected: %s.\n", selected(r.selection()))
	fmt.Fprintf(&b, "- %d of %d events are handed over to the destination's workflow, which tells them.\n", r.done.Events, max(r.done.Selected, r.done.Events))
	switch r.done.Stage {
	case StagePaused:
		fmt.Fprintf(&b, "- **Paused**: `temporal workflow signal --workflow-id %s --name %s --input '{}'` makes it go on.\n", id, Resume)
	case StageProcessing:
		fmt.Fprintf(&b, "- `temporal workflow signal --workflow-id %s --name %s --input '{\"reason\": \"…\"}'` makes it wait; `temporal workflow cancel --workflow-id %s` ends it.\n",
			id, Pause, id)
	case StageGivenUp:
		b.WriteString("- **Cancelled**: the rest is not handed over.\n")
	}
	if r.done.Last != "" {
		fmt.Fprintf(&b, "\nLast command: %s.\n", literally(r.done.Last))
	}
	return b.String()
}

// selected says a selection in words.
func selected(s webhook.Selection) string {
	words := []string{cmp.Or(strings.Join(listed(s.Types), ", "), "events of all types")}
	for _, w := range []struct{ what, value string }{
		{"from", strings.Join(listed(s.Sources), ", ")},
		{"of account", strings.Join(listed(s.Accounts), ", ")},
		{"of workflow", s.Workflow},
		{"of webhook", s.Webhook},
		{"with id", s.Event},
	} {
		if w.value != "" {
			words = append(words, w.what+" "+cut(w.value, 300))
		}
	}
	if s.Unrouted {
		words = append(words, "that nobody was told of")
	}
	var times []string
	if !s.Since.IsZero() {
		times = append(times, "since "+moment(s.Since))
	}
	if !s.Until.IsZero() {
		times = append(times, "before "+moment(s.Until))
	}
	if len(times) > 0 {
		words = append(words, "recorded "+strings.Join(times, " and "))
	}
	return strings.Join(words, " ")
}

package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"holdfast/internal/webhook"
)

// A book is a state with one outbox row, and the destination that it is for.
type book struct {
	activities *Activities // nil: fresh ones for each attempt

	mu      sync.Mutex
	owed    []string
	settles int
	policy  webhook.Policy
	noted   []webhook.Attempt
	answer  func(ctx context.Context, event string) error
	told    []string
	holds   []webhook.Hold // that were made
	held    bool
	handed  bool
	looks   int
}

func (b *book) Hold(_ context.Context, h webhook.Hold) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holds = append(b.holds, h)
	news := !b.held
	b.held = true
	return news, nil
}

func (b *book) HandOver(context.Context, string, string, webhook.Cause) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handed = b.handed || b.held && len(b.owed) > 0
	return b.handed, nil
}

func (b *book) Give(context.Context, string, string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handed = len(b.owed) > 0
	return b.handed, nil
}

func (b *book) Look(context.Context, string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks++
	return nil
}

func (b *book) Running(context.Context, string) (bool, error) {
	return false, errors.New("not asked for")
}
func (b *book) Part(context.Context, Parted) error { return errors.New("not asked for") }

func (b *book) Record(context.Context, string, []webhook.Record) (webhook.Recorded, error) {
	return webhook.Recorded{}, errors.New("not asked for")
}

func (b *book) Owed(context.Context, string, string) ([]webhook.Event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return events(b.owed...), nil
}

func (b *book) Settle(_ context.Context, _, _ string, s webhook.Settlement) error {
	settled := s.Events
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settles++
	b.noted = append(b.noted, s.Attempts...)
	b.owed = slices.DeleteFunc(b.owed, func(id string) bool { return slices.Contains(settled, id) })
	return nil
}

func (b *book) Route(webhook.Event) []webhook.Route  { return nil }
func (b *book) Policy(string) (webhook.Policy, bool) { return b.policy, b.policy.Horizon > 0 }

// Tell takes a batch if it takes each of it.
func (b *book) Tell(ctx context.Context, _ string, batch []webhook.Telling) error {
	for _, t := range batch {
		if t.Workflow != testWorkflow {
			return fmt.Errorf("workflow %q owes it", t.Workflow)
		}
		if err := b.answer(ctx, t.Event.ID); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range batch {
		b.told = append(b.told, t.Event.ID)
	}
	return nil
}

// testWorkflow is what the test environment calls any workflow.
const testWorkflow = "default-test-workflow-id"

func events(ids ...string) []webhook.Event {
	var out []webhook.Event
	for _, id := range ids {
		out = append(out, webhook.Event{ID: id, Type: webhook.AccountDeleted, Data: &webhook.None{}})
	}
	return out
}

// notify makes one attempt: a local one if events are given.
func (b *book) notify(t *testing.T, local ...webhook.Event) (NotifyResult, error) {
	t.Helper()
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.SetTestTimeout(time.Minute)
	a := b.activities
	if a == nil {
		a = &Activities{State: b, Notifier: b, Desk: b, Metrics: NewMetrics(prometheus.NewRegistry())}
	}
	env.RegisterActivity(a)
	run := env.ExecuteActivity
	if local != nil {
		run = env.ExecuteLocalActivity
	}
	var out NotifyResult
	value, err := run(a.Notify, NotifyInput{Destination: "crm", Events: local})
	if err == nil {
		err = value.Get(&out)
	}
	return out, err
}

func refuse(context.Context, string) error {
	return &webhook.Verdict{Kind: webhook.Refused, Reason: "status 422"}
}

func TestRegularAttempt(t *testing.T) {
	verdicts := func(of map[string]*webhook.Verdict) func(context.Context, string) error {
		return func(_ context.Context, event string) error {
			if v := of[event]; v != nil {
				return v
			}
			return nil
		}
	}
	retry := &webhook.Verdict{Kind: webhook.Retry, Reason: "status 503"}
	refused := &webhook.Verdict{Kind: webhook.Refused, Reason: "status 422"}
	deferred := &webhook.Verdict{Kind: webhook.Deferred, Reason: "busy"}
	for name, c := range map[string]struct {
		of   map[string]*webhook.Verdict
		fail string // type of the error
		says string
		owed int
	}{
		"all told":             {nil, "", "", 0},
		"one down":             {map[string]*webhook.Verdict{"b": retry}, DestinationUnavailable, "status 503; 2 told, 1 left", 1},
		"one refused":          {map[string]*webhook.Verdict{"b": refused}, "", "", 1},
		"refused and down":     {map[string]*webhook.Verdict{"a": refused, "b": retry}, DestinationUnavailable, "status 503", 2},
		"refused and deferred": {map[string]*webhook.Verdict{"a": refused, "b": deferred}, DestinationBusy, "", 2},
		"all deferred":         {map[string]*webhook.Verdict{"a": deferred, "b": deferred, "c": deferred}, DestinationBusy, "", 3},
	} {
		t.Run(name, func(t *testing.T) {
			b := &book{owed: []string{"a", "b", "c"}, answer: verdicts(c.of)}
			result, err := b.notify(t)
			var app *temporal.ApplicationError
			if errors.As(err, &app) != (c.fail != "") || app != nil && (app.Type() != c.fail || !strings.Contains(app.Message(), c.says)) {
				t.Errorf("error %v, want type %q saying %q", err, c.fail, c.says)
			}
			if len(b.owed) != c.owed || c.fail == "" && len(result.Left) != c.owed {
				t.Errorf("owed %q, left %+v", b.owed, result.Left)
			}
		})
	}
}

// Progress is kept on the way: whatever ends a long attempt, only the last portion is told again.
func TestSettlesOnTheWay(t *testing.T) {
	b := &book{answer: func(context.Context, string) error { return nil }}
	for i := range 3*portion - 1 {
		b.owed = append(b.owed, fmt.Sprint(i))
	}
	if _, err := b.notify(t); err != nil || len(b.owed) != 0 {
		t.Fatalf("%v, owed %d", err, len(b.owed))
	}
	if b.settles != 3 {
		t.Errorf("settled %d times, want 3", b.settles)
	}
}

// A receiver that takes longer than a first attempt should last is told once, if it answers soon after.
func TestFirstAttemptLetsSlowAnswersCome(t *testing.T) {
	b := &book{owed: []string{"a"}, answer: func(ctx context.Context, _ string) error {
		select {
		case <-time.After(firstAttempt + 200*time.Millisecond):
			return nil
		case <-ctx.Done():
			return &webhook.Verdict{Kind: webhook.Retry, Reason: "time-out"}
		}
	}}
	result, err := b.notify(t, events("a")...)
	if err != nil || result.Told != 1 || len(b.owed) != 0 {
		t.Errorf("%+v, %v, owed %q", result, err, b.owed)
	}
}

func TestFirstAttemptLeavesWhatIsRefused(t *testing.T) {
	b := &book{owed: []string{"a"}, answer: refuse}
	result, err := b.notify(t, events("a")...)
	if err != nil || len(result.Left) != 1 || result.Left[0].Kind != webhook.Refused || len(b.owed) != 1 {
		t.Errorf("%+v, %v, owed %q", result, err, b.owed)
	}
}

// Every attempt is noted: with what is settled, and where all is told at once with nothing more than that.
func TestAttemptsAreNoted(t *testing.T) {
	verdict := func(_ context.Context, event string) error {
		switch event {
		case "b":
			return &webhook.Verdict{Kind: webhook.Retry, Reason: "status 503", Status: 503, RetryAfter: time.Minute}
		case "c":
			return &webhook.Verdict{Kind: webhook.Refused, Reason: "status 422", Status: 422}
		case "d":
			return &webhook.Verdict{Kind: webhook.Deferred, Reason: "busy"}
		}
		return nil
	}
	for name, c := range map[string]struct {
		local  bool
		events []string
		want   []webhook.Attempt
		next   time.Duration // of b
	}{
		"first, all told": {true, []string{"a"}, []webhook.Attempt{{Event: "a", Number: 1, Outcome: webhook.Told}}, 0},
		"first": {true, []string{"a", "b", "c", "d"}, []webhook.Attempt{
			{Event: "a", Number: 1, Outcome: webhook.Told},
			{Event: "b", Number: 1, Outcome: webhook.Retry, Status: 503, Reason: "status 503"},
			{Event: "c", Number: 1, Outcome: webhook.Refused, Status: 422, Reason: "status 422"},
		}, time.Minute},
		"regular": {false, []string{"b", "c"}, []webhook.Attempt{
			{Event: "b", Number: 1, Outcome: webhook.Retry, Status: 503, Reason: "status 503"},
			{Event: "c", Number: 1, Outcome: webhook.Refused, Status: 422, Reason: "status 422"},
		}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			b := &book{owed: c.events, answer: verdict}
			var in []webhook.Event
			if c.local {
				in = events(c.events...)
			}
			began := time.Now()
			_, _ = b.notify(t, in...) // that what is left is an error is another test's
			for i, a := range b.noted {
				if a.At.Before(began.Add(-time.Second)) || a.At.After(time.Now()) {
					t.Errorf("attempt at %v", a.At)
				}
				if a.Event == "b" {
					if after := a.Next.Sub(began); after < c.next || after > c.next+10*time.Second {
						t.Errorf("next after %v, want %v", after, c.next)
					}
				} else if !a.Next.IsZero() {
					t.Errorf("%s has a next attempt", a.Event)
				}
				b.noted[i].At, b.noted[i].Took, b.noted[i].Next = time.Time{}, 0, time.Time{}
			}
			same(t, "attempts", b.noted, c.want)
			if b.settles != 1 {
				t.Errorf("settled %d times", b.settles)
			}
		})
	}
}

// What only the destination's own workflow tells is left to it, also by what was recorded before that was so.
func TestOwnIsGivenBack(t *testing.T) {
	for name, local := range map[string]bool{"first attempt": true, "regular attempt": false} {
		t.Run(name, func(t *testing.T) {
			b := &book{owed: []string{"a"}, policy: webhook.Policy{Own: true, Horizon: time.Hour}}
			var in []webhook.Event
			if local {
				in = events("a")
			}
			if result, err := b.notify(t, in...); err != nil || !result.Handed || len(b.told) > 0 || !b.handed {
				t.Errorf("%+v, %v, told %q, handed %v", result, err, b.told, b.handed)
			}
		})
	}
}

// A batch is told in one attempt; if it is refused, each event of it is tried alone.
func TestBatches(t *testing.T) {
	tries := 0
	b := &book{owed: []string{"a", "b", "c", "d", "e"}, policy: webhook.Policy{Batch: 2, Horizon: time.Hour}}
	b.answer = func(_ context.Context, event string) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if tries++; event == "c" {
			return &webhook.Verdict{Kind: webhook.Refused, Reason: "status 422", Advice: "Read it."}
		}
		return nil
	}
	result, err := b.notify(t)
	if err != nil || result.Told != 4 || len(result.Left) != 1 || result.Left[0].Why() != "status 422. Read it." {
		t.Errorf("%+v, %v", result, err)
	}
	slices.Sort(b.told)
	same(t, "told", b.told, []string{"a", "b", "d", "e"})
	if len(b.noted) != 5+2 || tries != 2+1+2+1 {
		t.Errorf("noted %+v, %d tries", b.noted, tries)
	}
}

// What a batch fails for does not keep the others of it from being told.
func TestPoisonInABatch(t *testing.T) {
	b := &book{owed: []string{"a", "b", "bad", "c", "d"}, policy: webhook.Policy{Batch: 100, Horizon: time.Hour}}
	b.answer = func(_ context.Context, event string) error {
		if event == "bad" {
			return &webhook.Verdict{Kind: webhook.Retry, Reason: "status 500"}
		}
		return nil
	}
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	a := &Activities{State: b, Notifier: b, Desk: b, Metrics: NewMetrics(prometheus.NewRegistry())}
	env.RegisterActivity(a)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: time.Minute, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 4},
		})
		return workflow.ExecuteActivity(ctx, a.Notify, NotifyInput{Destination: "crm"}).Get(ctx, nil)
	})
	slices.Sort(b.told)
	same(t, "told", b.told, []string{"a", "b", "c", "d"})
	same(t, "owed", b.owed, []string{"bad"})
}

// One that is gone is held at the first answer, for an hour, with what to do.
func TestGoneIsHeldAtOnce(t *testing.T) {
	b := &book{owed: []string{"a"}, answer: func(context.Context, string) error {
		return &webhook.Verdict{Kind: webhook.Gone, Reason: "status 410", Advice: "Take it out."}
	}}
	result, err := b.notify(t, events("a")...)
	if err != nil || !result.Handed || len(b.holds) != 1 {
		t.Fatalf("%+v, %v, held %+v", result, err, b.holds)
	}
	h := b.holds[0]
	if h.Advice != "Take it out." || time.Until(h.Next) < 59*time.Minute || len(b.noted) != 1 || !b.noted[0].Next.Equal(h.Next) {
		t.Errorf("held %+v, noted %+v", h, b.noted)
	}
}

package activities

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/testsuite"

	"holdfast/internal/state"
	"holdfast/internal/webhook"
)

// A yard is a destination that is held, on a real state: crm.
type yard struct {
	*state.Store
	t *testing.T

	policy  webhook.Policy
	behind  time.Duration // is the clock of whoever drains
	mu      sync.Mutex
	answer  func(event string) *webhook.Verdict // nil: it takes everything
	tries   []string
	told    []string
	late    []string // of those that were told, the ones that were marked
	parted  []string // "workflow: events: problem"
	running []string // workflows
	asked   []string // workflows
}

func newYard(t *testing.T) *yard {
	s, err := state.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "state.db"), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	y := &yard{Store: s, t: t, policy: webhook.Policy{Timeout: time.Second, Horizon: time.Hour, Batch: 1, Parallel: 8}}
	y.hold(webhook.Hold{Cause: webhook.ByTrouble})
	return y
}

func (y *yard) hold(h webhook.Hold) {
	y.t.Helper()
	h.Destination, h.Since = "crm", time.Now()
	if _, err := y.Hold(y.t.Context(), h); err != nil {
		y.t.Error(err)
	}
}

// record has a workflow of that name record events of the account of the same name.
func (y *yard) record(workflow string, ids ...string) {
	y.t.Helper()
	r := webhook.Record{Webhook: "of " + workflow, Source: "meta", Received: time.Now()}
	for _, id := range ids {
		e := webhook.Event{ID: id, Type: webhook.AccountAlert, Source: "meta", Time: time.Now(), Account: workflow, Data: &webhook.Alert{}}
		to := []webhook.Route{{Destination: "crm", Own: y.policy.Own, Ordered: y.policy.Ordered}}
		r.Events = append(r.Events, webhook.Candidate{Event: e, Destinations: to})
	}
	if _, err := y.Record(y.t.Context(), workflow, []webhook.Record{r}); err != nil {
		y.t.Error(err)
	}
}

func (y *yard) Route(webhook.Event) []webhook.Route { return nil }
func (y *yard) Policy(string) (webhook.Policy, bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.policy, true
}

// Tell takes a batch if it takes each of it.
func (y *yard) Tell(_ context.Context, _ string, batch []webhook.Telling) error {
	y.mu.Lock()
	for _, t := range batch {
		y.tries = append(y.tries, t.Event.ID)
	}
	answer := y.answer
	y.mu.Unlock()
	if answer != nil {
		for _, t := range batch {
			if v := answer(t.Event.ID); v != nil {
				return v
			}
		}
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, t := range batch {
		if t.Event.Data == nil {
			y.t.Errorf("%s is told without what it says", t.Event.ID)
		}
		if t.Workflow == "" {
			y.t.Errorf("nobody knows which workflow owes %s", t.Event.ID)
		}
		if y.told = append(y.told, t.Event.ID); t.OutOfOrder {
			y.late = append(y.late, t.Event.ID)
		}
	}
	return nil
}

func (y *yard) Look(context.Context, string) error { return errors.New("not asked for") }

func (y *yard) Running(_ context.Context, workflow string) (bool, error) {
	y.asked = append(y.asked, workflow)
	return slices.Contains(y.running, workflow), nil
}

func (y *yard) Part(ctx context.Context, p Parted) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	owed, err := y.Owed(ctx, p.Workflow, "crm")
	if err != nil || len(owed) != len(p.Events) || p.Notification.Horizon != y.policy.Horizon {
		y.t.Errorf("parted %+v, which owes %d events, %v", p, len(owed), err)
	}
	y.parted = append(y.parted, p.Workflow+": "+strings.Join(p.Notification.Events, " ")+": "+p.Problem)
	return nil
}

// ledger keeps the Part of the state apart from that of the desk.
type ledger struct {
	*state.Store
	behind time.Duration // is the clock of whoever drains
}

func (l ledger) Handed(ctx context.Context, destination string, before time.Time, after int64, events int) ([]webhook.Debt, error) {
	return l.Store.Handed(ctx, destination, before.Add(-l.behind), after, events)
}

func (y *yard) destinations() *Destinations {
	return &Destinations{Ledger: ledger{y.Store, y.behind}, Notifier: y, Desk: y, Metrics: NewMetrics(prometheus.NewRegistry())}
}

func (y *yard) drain() (DrainResult, error) {
	y.t.Helper()
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.SetTestTimeout(time.Minute)
	return y.drainIn(env)
}

func (y *yard) drainIn(env *testsuite.TestActivityEnvironment) (DrainResult, error) {
	d := y.destinations()
	env.RegisterActivity(d)
	value, err := env.ExecuteActivity(d.Drain, DestinationInput{Destination: "crm"})
	var out DrainResult
	if err == nil {
		err = value.Get(&out)
	}
	return out, err
}

// left is what is handed over still, and the hold.
func (y *yard) left() ([]string, *webhook.Hold) {
	y.t.Helper()
	debts, err := y.Handed(y.t.Context(), "crm", time.Now().Add(time.Hour), 0, 1000)
	if err != nil {
		y.t.Fatal(err)
	}
	var ids []string
	for _, d := range debts {
		for _, e := range d.Events {
			ids = append(ids, e.ID)
		}
	}
	hold, err := y.Held(y.t.Context(), "crm")
	if err != nil {
		y.t.Fatal(err)
	}
	return ids, hold
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func down(reason string, events ...string) func(string) *webhook.Verdict {
	return func(event string) *webhook.Verdict {
		if len(events) == 0 || slices.Contains(events, event) {
			return &webhook.Verdict{Kind: webhook.Retry, Reason: reason}
		}
		return nil
	}
}

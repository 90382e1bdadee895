package activities

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/testsuite"

	"holdfast/internal/webhook"
)

// A recordBook records everything, each event with an outcome that its id says.
type recordBook struct {
	State
	records []webhook.Record
}

func (l *recordBook) Record(_ context.Context, _ string, records []webhook.Record) (webhook.Recorded, error) {
	l.records = records
	var out webhook.Recorded
	for _, r := range records {
		var outcomes []webhook.Outcome
		for _, c := range r.Events {
			outcomes = append(outcomes, webhook.Outcome(c.Event.ID))
		}
		out.Outcomes = append(out.Outcomes, outcomes)
	}
	return out, nil
}

// byAccount routes what belongs to an account.
type byAccount struct{ Notifier }

func (byAccount) Route(e webhook.Event) []webhook.Route {
	if e.Account == "" {
		return nil
	}
	return []webhook.Route{{Destination: "crm"}}
}

// What is news and has no destination is unrouted, and nothing else. What is not told is routed all the same.
func TestUnrouted(t *testing.T) {
	registry := prometheus.NewRegistry()
	state := new(recordBook)
	a := &Activities{State: state, Notifier: byAccount{}, Metrics: NewMetrics(registry)}
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.SetTestTimeout(time.Minute)
	env.RegisterActivity(a)
	event := func(outcome webhook.Outcome, account string) webhook.Event {
		return webhook.Event{
			ID: string(outcome), Type: webhook.AccountBanned, Account: account, Data: &webhook.Ban{},
			Stale: outcome == webhook.Stale, Test: outcome == webhook.Test,
		}
	}
	var all [2]Normalized
	for i, account := range []string{"", "4711"} {
		for _, o := range []webhook.Outcome{webhook.Fresh, webhook.Late, webhook.Unchanged, webhook.Stale, webhook.Duplicate, webhook.Test} {
			all[i].Events = append(all[i].Events, event(o, account))
		}
	}
	value, err := env.ExecuteLocalActivity(a.Handle, HandleInput{Webhooks: all[:]})
	if err != nil {
		t.Fatal(err)
	}
	var out HandleResult
	if err := value.Get(&out); err != nil {
		t.Fatal(err)
	}
	if got := [2]int{out.Webhooks[0].Unrouted, out.Webhooks[1].Unrouted}; got != [2]int{3, 0} {
		t.Errorf("unrouted %v, want fresh, late and test of the first", got)
	}
	for _, c := range state.records[1].Events {
		if len(c.Destinations) != 1 {
			t.Errorf("%s: routed to %v", c.Event.ID, c.Destinations)
		}
		if changes := len(c.Changes); (changes == 0) != (c.Event.Stale || c.Event.Test) {
			t.Errorf("%s: %d changes", c.Event.ID, changes)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "holdfast_events_unrouted_total" {
			continue
		}
		m := f.GetMetric()[0]
		if m.GetCounter().GetValue() != 3 || m.GetLabel()[0].GetValue() != "critical" {
			t.Errorf("counted %v", m)
		}
		return
	}
	t.Error("not counted")
}

package activities

import (
	"context"
	"strings"
	"testing"
	"time"

	"holdfast/internal/webhook"
)

// recordLarge has a workflow record small and large events for crm.
func (y *yard) recordLarge() (ids []string) {
	y.t.Helper()
	ids = []string{"1", "2", "large-3", "4", "large-5", "large-6"}
	r := webhook.Record{Webhook: "a", Source: "meta", Received: time.Now()}
	for _, id := range ids {
		data := &webhook.Alert{}
		if strings.HasPrefix(id, "large") {
			data.Description = strings.Repeat("large ", 10_000)
		}
		e := webhook.Event{ID: id, Type: webhook.AccountAlert, Source: "meta", Time: time.Now(), Account: "1", Data: data}
		r.Events = append(r.Events, webhook.Candidate{Event: e, Destinations: []webhook.Route{{Destination: "crm", Own: y.policy.Own}}})
	}
	if _, err := y.Record(y.t.Context(), "w", []webhook.Record{r}); err != nil {
		y.t.Fatal(err)
	}
	return ids
}

// What waits is kept without what large events say; they are told with it. Tell of the yard looks.
func TestLargeEventsAreDrained(t *testing.T) {
	y := newYard(t)
	y.policy.Batch = 10
	ids := y.recordLarge()
	if err := y.Adopt(t.Context(), "crm", []string{"w"}); err != nil {
		t.Fatal(err)
	}
	if _, err := y.drain(); err != nil {
		t.Fatal(err)
	}
	same(t, "told", y.told, ids)
}

func TestLargeEventsInASession(t *testing.T) {
	own(t, webhook.Policy{Parallel: 1, Batch: 10}, func(t *testing.T, y *yard) {
		ids := y.recordLarge()
		w := y.begin()
		after(5 * time.Second)
		told, _ := y.saw()
		same(t, "told", told, ids)
		if err := w.end(); err != nil {
			t.Error(err)
		}
	})
}

// requests notes which events came together.
type requests struct {
	Notifier
	came []string
}

func (r *requests) Tell(_ context.Context, _ string, batch []webhook.Telling) error {
	var ids []string
	for _, t := range batch {
		ids = append(ids, t.Event.ID)
	}
	r.came = append(r.came, strings.Join(ids, " "))
	return nil
}

// A batch of large events would be larger than anybody takes.
func TestLargeEventsAreToldAlone(t *testing.T) {
	y := newYard(t)
	y.recordLarge()
	if err := y.Adopt(t.Context(), "crm", []string{"w"}); err != nil {
		t.Fatal(err)
	}
	debts, err := y.Handed(t.Context(), "crm", time.Now().Add(time.Hour), -1, 100)
	if err != nil {
		t.Fatal(err)
	}
	var batch []webhook.Telling
	for _, e := range debts[0].Events {
		batch = append(batch, webhook.Telling{Event: e, Workflow: "w"})
	}
	r := new(requests)
	if err := (whole{r, ledger{y.Store, 0}}).Tell(t.Context(), "crm", batch); err != nil {
		t.Fatal(err)
	}
	same(t, "requests", r.came, []string{"1 2", "large-3", "4", "large-5", "large-6"})
	batch[2].Event.ID = "gone"
	if v := verdictOf((whole{r, ledger{y.Store, 0}}).Tell(t.Context(), "crm", batch)); v == nil || v.Kind != webhook.Deferred {
		t.Errorf("one that is gone from the log: %+v", v)
	}
}

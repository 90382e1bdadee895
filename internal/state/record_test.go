package state_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/internal/webhook"
)

func TestRedelivery(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		first := record(t, s, "first", in("a", ban("1", at(1)), informs("2")))
		again := record(t, s, "other", in("b", informs("2"), ban("1", at(1)), informs("3")))
		same(t, "outcomes", again.Outcomes, [][]webhook.Outcome{{webhook.Duplicate, webhook.Duplicate, webhook.Fresh}})
		same(t, "owed", again.Owed, []webhook.Owed{{Destination: "crm", Events: []string{"3"}}})
		nothing := record(t, s, "third", in("a", ban("1", at(1)), informs("2")))
		same(t, "owed by the third", nothing.Owed, nil)
		same(t, "first", first.Owed, []webhook.Owed{{Destination: "crm", Events: []string{"1", "2"}}})
		for id, want := range map[string]string{"a": "first", "b": "other", "c": ""} {
			got, err := s.Workflow(t.Context(), id)
			if err != nil || got != want {
				t.Errorf("workflow of webhook %s: %q, %v; want %q", id, got, err, want)
			}
		}
	})
}

func TestRunAgain(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		test, stale := informs("test"), informs("stale")
		test.Event.Test, stale.Event.Stale = true, true
		group := func() []webhook.Record {
			return []webhook.Record{
				in("a", ban("1", at(2)), ban("2", at(3)), ban("3", at(1)), informs("1")),
				in("b", informs("2"), test, stale),
			}
		}
		first := record(t, s, "w", group()...)
		same(t, "outcomes", first.Outcomes, [][]webhook.Outcome{
			{webhook.Fresh, webhook.Unchanged, webhook.Late, webhook.Duplicate},
			{webhook.Duplicate, webhook.Test, webhook.Stale},
		})
		same(t, "again", record(t, s, "w", group()...), first)

		one(t, s, "later", reinstated("4", at(9)))
		same(t, "again, when more is known", record(t, s, "w", group()...), first)
		same(t, "facts", known(t, s, "account"), []string{"account/" + account + ` status {"status":"active"} 9 4`})

		if err := s.Settle(t.Context(), "w", "crm", told("1")); err != nil {
			t.Fatal(err)
		}
		partly := record(t, s, "w", group()...)
		same(t, "outcomes, partly told", partly.Outcomes, first.Outcomes)
		same(t, "owed, partly told", partly.Owed, []webhook.Owed{{Destination: "crm", Events: []string{"3", "test"}}})
		if err := s.Settle(t.Context(), "w", "crm", told("3", "test")); err != nil {
			t.Fatal(err)
		}
		same(t, "owed, all told", record(t, s, "w", group()...).Owed, nil)
	})
}

// A group whose transaction fails is recorded webhook by webhook, by the same workflow.
func TestWebhookByWebhook(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		a, b := in("a", informs("1"), informs("2")), in("b", informs("2"), informs("3"))
		same(t, "a", record(t, s, "w", a), webhook.Recorded{
			Outcomes: [][]webhook.Outcome{{webhook.Fresh, webhook.Fresh}},
			Owed:     []webhook.Owed{{Destination: "crm", Events: []string{"1", "2"}}},
		})
		if err := s.Settle(t.Context(), "w", "crm", told("1")); err != nil {
			t.Fatal(err)
		}
		same(t, "b", record(t, s, "w", b), webhook.Recorded{
			Outcomes: [][]webhook.Outcome{{webhook.Duplicate, webhook.Fresh}},
			Owed:     []webhook.Owed{{Destination: "crm", Events: []string{"2", "3"}}},
		})
		if err := s.Settle(t.Context(), "w", "crm", told("2", "3")); err != nil {
			t.Fatal(err)
		}
		same(t, "c, after all was settled", record(t, s, "w", in("c", informs("4"))).Owed,
			[]webhook.Owed{{Destination: "crm", Events: []string{"4"}}})
		same(t, "owed", owed(t, s, "w", "crm"), []string{"4"})
	})
}

func TestNothingIsHalfRecorded(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		db := behind(t, url)
		group := func() webhook.Record { return in("a", ban("1", at(1)), informs("2")) }
		execute(t, db, "ALTER TABLE outbox RENAME TO elsewhere") // written last
		_, err := s.Record(t.Context(), "w", []webhook.Record{group()})
		if err == nil || errors.Is(err, webhook.ErrUnprocessable) {
			t.Fatalf("got %v, want an error that may pass", err)
		}
		execute(t, db, "ALTER TABLE elsewhere RENAME TO outbox")
		same(t, "facts", known(t, s, "account"), nil)
		same(t, "outcomes", record(t, s, "other", group()).Outcomes, [][]webhook.Outcome{{webhook.Fresh, webhook.Fresh}})
		if got, _ := s.Workflow(t.Context(), "a"); got != "other" {
			t.Errorf("webhook belongs to %q", got)
		}
	})
}

func TestUnprocessable(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		const number = "4915112345678"
		invalid, never, nameless := ban("1", at(1)), informs("1"), informs("")
		invalid.Changes[0].Value = number + " is not JSON"
		never.Event.Time = time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)
		nameless.Event.Account = number
		for name, bad := range map[string]webhook.Candidate{"value": invalid, "time": never, "no id": nameless} {
			_, err := s.Record(t.Context(), "w", []webhook.Record{in("a", informs("0")), in("b", bad)})
			if !errors.Is(err, webhook.ErrUnprocessable) {
				t.Errorf("%s: got %v, want ErrUnprocessable", name, err)
			} else if strings.Contains(err.Error(), number) {
				t.Errorf("%s: the error tells a number: %v", name, err)
			}
		}
		same(t, "the other one", one(t, s, "w2", informs("0")), webhook.Fresh)
	})
}

func TestManyAndNone(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		same(t, "none", record(t, s, "none").Owed, nil)
		same(t, "empty", record(t, s, "empty", in("empty")).Outcomes, [][]webhook.Outcome{{}})
		group := hundred("g", 10)
		recorded := record(t, s, "w", group...)
		for i, outcomes := range recorded.Outcomes {
			for j, outcome := range outcomes {
				if outcome != webhook.Fresh {
					t.Fatalf("event %d of webhook %d is %s", j, i, outcome)
				}
			}
		}
		same(t, "again", record(t, s, "w", group...), recorded)
		ids := owed(t, s, "w", "crm")
		same(t, "owed", ids, recorded.Owed[0].Events)
		if len(ids) != 1000 || ids[0] != group[0].Events[0].Event.ID || ids[999] != group[99].Events[9].Event.ID {
			t.Errorf("%d are owed, or not in order", len(ids))
		}
		if got := known(t, s, "account"); len(got) != 1000 {
			t.Errorf("%d facts, want 1000", len(got))
		}
		if err := s.Settle(t.Context(), "w", "crm", told(ids...)); err != nil {
			t.Fatal(err)
		}
		same(t, "owed, settled", owed(t, s, "w", "crm"), nil)
	})
}

// hundred webhooks of n events each, every one about another account.
func hundred(prefix string, n int) []webhook.Record {
	records := make([]webhook.Record, 100)
	for i := range records {
		events := make([]webhook.Candidate, n)
		for j := range events {
			// As if hashed: in no order.
			id := fmt.Sprintf("%s-%08x", prefix, uint32(i*n+j)*2654435761)
			events[j] = ban(id, at(1))
			events[j].Changes[0].Entity = webhook.AccountEntity(id)
		}
		records[i] = in(fmt.Sprintf("%s-%d", prefix, i), events...)
	}
	return records
}

func TestEventsOf(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		record(t, s, "w", in("a", ban("1", at(2)), ban("2", at(1)), ban("3", at(3))))
		log, err := s.EventsOf(t.Context(), account, 2)
		if err != nil || len(log) != 2 {
			t.Fatalf("%d events, %v", len(log), err)
		}
		same(t, "latest", log[0].Event, in("a", ban("3", at(3))).Events[0].Event)
		if log[0].Outcome != webhook.Unchanged || log[0].Workflow != "w" || time.Since(log[0].Recorded) > time.Minute {
			t.Errorf("got %+v", log[0])
		}
		all, err := s.EventsOf(t.Context(), account, 10)
		if err != nil || len(all) != 3 || !all[2].Event.Late {
			t.Errorf("got %+v, %v", all, err)
		}
	})
}

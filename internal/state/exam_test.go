package state_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/state"
	"holdfast/internal/state/statetest"
	"holdfast/internal/webhook"

	"github.com/google/go-cmp/cmp"
)

// exam asks both databases the same question, each with an empty database.
func exam(t *testing.T, question func(t *testing.T, url string)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		question(t, sqliteURL(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		question(t, statetest.Postgres(t))
	})
}

func sqliteURL(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "state.db") }

func open(t testing.TB, url string) *state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), url, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// behind opens the database as somebody who knows its tables.
func behind(t testing.TB, url string) *sql.DB {
	t.Helper()
	driver, name := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, name = "sqlite", path
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func execute(t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

const account = "100200300"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is so many seconds after noon.
func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// ban is an event that bans the account, reinstated one that ends that; a ban is the safer to believe.
func ban(id string, when time.Time) webhook.Candidate {
	return status(id, webhook.AccountBanned, `{"status":"banned"}`, when, 2)
}

func reinstated(id string, when time.Time) webhook.Candidate {
	return status(id, webhook.AccountReinstated, `{"status":"active"}`, when, 0)
}

func status(id string, kind webhook.Type, value string, when time.Time, safety int) webhook.Candidate {
	c := informs(id)
	c.Event.Type, c.Event.Time = kind, when
	c.Event.Data = &webhook.Ban{State: "X"}
	c.Changes = []webhook.Change{{Entity: webhook.AccountEntity(account), Aspect: "status", Value: value, Time: when, Safety: safety}}
	return c
}

// informs is an event that changes nothing.
func informs(id string) webhook.Candidate {
	return webhook.Candidate{
		Event: webhook.Event{
			ID: id, Type: webhook.AccountAlert, Time: noon, Source: "meta", Provider: "meta", Account: account,
			Data: &webhook.Alert{Type: "SOMETHING"},
		},
		Destinations: routes("crm"),
	}
}

// inOrder is an event that changes nothing, for a destination that is told in order.
func inOrder(id string) webhook.Candidate {
	c := informs(id)
	c.Destinations = []webhook.Route{{Destination: "crm", Own: true, Ordered: true}}
	return c
}

// in is a webhook with events.
func in(id string, events ...webhook.Candidate) webhook.Record {
	for i := range events {
		events[i].Event.Webhook = id
	}
	return webhook.Record{Webhook: id, Source: "meta", Received: noon, Events: events}
}

func record(t *testing.T, s *state.Store, workflow string, records ...webhook.Record) webhook.Recorded {
	t.Helper()
	recorded, err := s.Record(t.Context(), workflow, records)
	if err != nil {
		t.Fatal(err)
	}
	return recorded
}

// one records one webhook with one event, and gives its outcome.
func one(t *testing.T, s *state.Store, workflow string, c webhook.Candidate) webhook.Outcome {
	t.Helper()
	return record(t, s, workflow, in("webhook of "+workflow, c)).Outcomes[0][0]
}

// known is what is known of an entity and below, as "entity aspect value time event".
func known(t *testing.T, s *state.Store, entity string) []string {
	t.Helper()
	facts, err := s.Facts(t.Context(), entity, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range facts {
		out = append(out, fmt.Sprintf("%s %s %s %d %s", f.Entity, f.Aspect, f.Value, f.Time.Unix()-noon.Unix(), f.Event))
	}
	return out
}

// owed is the ids of what is owed.
func owed(t *testing.T, s *state.Store, workflow, destination string) []string {
	t.Helper()
	events, err := s.Owed(t.Context(), workflow, destination)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// routes are destinations that are told by the workflows of webhooks.
func routes(names ...string) []webhook.Route {
	list := make([]webhook.Route, len(names))
	for i, name := range names {
		list[i].Destination = name
	}
	return list
}

// told settles events because they were told.
func told(events ...string) webhook.Settlement {
	return webhook.Settlement{Events: events, How: "told"}
}

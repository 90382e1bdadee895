package state_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/state"
	"holdfast/internal/webhook"
)

// hold holds a destination, by trouble unless h says otherwise, and reports whether that was news.
func hold(t *testing.T, s *state.Store, h webhook.Hold) bool {
	t.Helper()
	h.Cause = cmp.Or(h.Cause, webhook.ByTrouble)
	if h.Since.IsZero() {
		h.Since = noon
	}
	news, err := s.Hold(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	return news
}

func held(t *testing.T, s *state.Store, destination string) *webhook.Hold {
	t.Helper()
	h, err := s.Held(t.Context(), destination)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// handed is what was handed over for crm, as "workflow: events".
func handed(t *testing.T, s *state.Store, before time.Time, events int) []string {
	t.Helper()
	debts, err := s.Handed(t.Context(), "crm", before, 0, events)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range debts {
		var ids []string
		for _, e := range d.Events {
			ids = append(ids, e.ID)
		}
		for _, id := range d.Lost {
			ids = append(ids, "lost "+id)
		}
		out = append(out, d.Workflow+": "+strings.Join(ids, " "))
	}
	return out
}

func TestHold(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		if h := held(t, s, "crm"); h != nil {
			t.Fatalf("held already: %+v", h)
		}
		steps := []struct {
			hold   webhook.Hold
			news   bool
			reason string // after it
			since  time.Time
		}{
			{webhook.Hold{Cause: webhook.ByTrouble, Since: at(0), Reason: "status 503", Next: at(5)}, true, "status 503", at(0)},
			{webhook.Hold{Cause: webhook.ByTrouble, Since: at(1), Reason: "another process", Next: at(6)}, false, "status 503", at(0)},
			{webhook.Hold{Cause: webhook.ByTrouble, Since: at(2), Reason: "status 500", Probes: 1, Next: at(9)}, true, "status 500", at(0)},
			{webhook.Hold{Cause: webhook.ByTrouble, Since: at(2), Reason: "status 502", Probes: 1, Next: at(12)}, true, "status 502", at(0)},
			{webhook.Hold{Cause: webhook.ByOperator, Since: at(3), Reason: "maintenance", Actor: "ada"}, true, "maintenance", at(3)},
			{webhook.Hold{Cause: webhook.ByTrouble, Since: at(4), Reason: "status 503", Probes: 9}, false, "maintenance", at(3)},
			{webhook.Hold{Cause: webhook.ByOperator, Since: at(5), Reason: "longer", Actor: "bob"}, true, "longer", at(3)},
		}
		for i, step := range steps {
			step.hold.Destination = "crm"
			if news := hold(t, s, step.hold); news != step.news {
				t.Errorf("step %d: news %v", i, news)
			}
			if h := held(t, s, "crm"); h == nil || h.Reason != step.reason || !h.Since.Equal(step.since) {
				t.Errorf("step %d: held %+v", i, h)
			}
		}
		if err := s.Release(t.Context(), "crm"); err != nil || held(t, s, "crm") == nil {
			t.Fatalf("released although an operator holds it: %v", err)
		}
		began := time.Now()
		if err := s.Resume(t.Context(), "crm", "resumed", "ada"); err != nil {
			t.Fatal(err)
		}
		if h := held(t, s, "crm"); h == nil || h.Cause != webhook.ByTrouble || h.Probes != 0 || h.Next.Before(began.Add(-time.Second)) {
			t.Errorf("resumed: %+v", h)
		}
		if err := s.Release(t.Context(), "crm"); err != nil || held(t, s, "crm") != nil {
			t.Fatalf("not released: %v", err)
		}
		if err := s.Resume(t.Context(), "crm", "again", "ada"); err != nil || held(t, s, "crm") != nil {
			t.Errorf("resuming what is not held: %v", err)
		}
	})
}

// What becomes owed to a held destination is handed over in the transaction that records it; what its workflow owes
// already stays its own.
func TestHandedOverWhenRecorded(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		both := func(id string) webhook.Candidate {
			c := informs(id)
			c.Destinations = routes("crm", "log")
			return c
		}
		record(t, s, "before", in("a", both("1")))
		hold(t, s, webhook.Hold{Destination: "crm"})
		same(t, "owed", record(t, s, "w", in("b", both("2"), both("3"))).Owed, []webhook.Owed{
			{Destination: "crm", Events: []string{"2", "3"}, Handed: true}, {Destination: "log", Events: []string{"2", "3"}},
		})
		same(t, "owed when more is found", record(t, s, "before", in("a", both("1"), informs("4"))).Owed, []webhook.Owed{
			{Destination: "crm", Events: []string{"1", "4"}}, {Destination: "log", Events: []string{"1"}},
		})
		same(t, "handed", handed(t, s, time.Now(), 9), []string{"w: 2 3"})
		// What is settled and owed anew begins anew.
		settle := func(workflow string, events ...string) {
			t.Helper()
			if err := s.SettleAll(t.Context(), "crm", map[string]webhook.Settlement{workflow: told(events...)}); err != nil {
				t.Fatal(err)
			}
		}
		settle("w", "2", "3")
		settle("before", "1", "4")
		record(t, s, "before", in("c", informs("5")))
		same(t, "handed anew", handed(t, s, time.Now(), 9), []string{"before: 5"})
		settle("before", "5")
		if err := s.Release(t.Context(), "crm"); err != nil {
			t.Fatal(err)
		}
		same(t, "owed after the release", record(t, s, "before", in("d", informs("6"))).Owed, []webhook.Owed{
			{Destination: "crm", Events: []string{"6"}}, {Destination: "log", Events: []string{"1"}},
		})
		same(t, "handed after the release", handed(t, s, time.Now(), 9), nil)
	})
}

// A portion has as many whole debts as have so many events, in the order in which they were recorded.
func TestHanded(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		record(t, s, "w1", in("a", informs("1"), informs("2"), informs("3")))
		record(t, s, "w2", in("b", informs("4")))
		lost := informs("6")
		lost.Event.Account = "lost"
		record(t, s, "w3", in("c", informs("5"), lost))
		record(t, s, "own", in("d", informs("7")))
		db := behind(t, url)
		for workflow, since := range map[string]int{"w1": 2, "w2": 1, "w3": 3} {
			execute(t, db, fmt.Sprintf("UPDATE outbox SET created_at = %[1]d000000, seq = %[1]d000000 WHERE workflow = '%[2]s'", since, workflow))
		}
		if err := s.Adopt(t.Context(), "crm", []string{"w1", "w2", "w3", "nobody"}); err != nil {
			t.Fatal(err)
		}
		execute(t, db, "DELETE FROM events WHERE account = 'lost'")
		same(t, "all", handed(t, s, time.Now(), 9), []string{"w2: 4", "w1: 1 2 3", "w3: 5 lost 6"})
		same(t, "two", handed(t, s, time.Now(), 2), []string{"w2: 4", "w1: 1 2 3"})
		same(t, "one", handed(t, s, time.Now(), 1), []string{"w2: 4"})
		same(t, "the first two seconds", handed(t, s, time.Unix(3, 0), 9), []string{"w2: 4", "w1: 1 2 3"})

		if err := s.SettleAll(t.Context(), "crm", map[string]webhook.Settlement{"w1": told("1", "2"), "w2": told("4"), "nobody": told("9")}); err != nil {
			t.Fatal(err)
		}
		same(t, "after a settlement", handed(t, s, time.Now(), 9), []string{"w1: 3", "w3: 5 lost 6"})
		for range 2 { // repeated after a crash
			if err := s.Part(t.Context(), "w3", "crm", []string{"6", "9"}, "own/1"); err != nil {
				t.Fatal(err)
			}
			if err := s.Part(t.Context(), "w1", "crm", []string{"3"}, "own/2"); err != nil {
				t.Fatal(err)
			}
		}
		same(t, "after two have parted", handed(t, s, time.Now(), 9), []string{"w3: 5"})
		same(t, "owed by another", owed(t, s, "own/2", "crm"), []string{"3"})
		same(t, "owed no more", owed(t, s, "w1", "crm"), nil)

		hold(t, s, webhook.Hold{Destination: "crm", Cause: webhook.ByTrouble})
		if over, err := s.HandOver(t.Context(), "own/2", "crm", webhook.ByOperator); err != nil || over {
			t.Errorf("handed over for another cause: %v, %v", over, err)
		}
		if over, err := s.HandOver(t.Context(), "own/2", "crm", ""); err != nil || !over {
			t.Errorf("handed over for any cause: %v, %v", over, err)
		}
		same(t, "who has parted came back", handed(t, s, time.Now(), 9), []string{"own/2: 3", "w3: 5"})
		if err := s.Part(t.Context(), "own/2", "crm", []string{"3"}, "own/2"); err != nil {
			t.Fatal(err)
		}
		same(t, "and parted again", handed(t, s, time.Now(), 9), []string{"w3: 5"})
		same(t, "owed by the same", owed(t, s, "own/2", "crm"), []string{"3"})
	})
}

// Those who hand over and those who release meet at any moment, and nothing is handed over that nobody sees afterwards.
func TestReleaseWhileRecording(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		stores := []*state.Store{open(t, url), open(t, url)}
		for round := range 10 {
			hold(t, stores[0], webhook.Hold{Destination: "crm"})
			var mu sync.Mutex
			var handedOver, seen []string
			together(6, func(i int) {
				s := stores[i%2]
				if i == 0 {
					if err := s.Release(t.Context(), "crm"); err != nil {
						t.Error(err)
						return
					}
					debts, err := s.Handed(t.Context(), "crm", time.Now().Add(time.Hour), 0, 1000)
					if err != nil {
						t.Error(err)
					}
					for _, d := range debts {
						seen = append(seen, d.Workflow)
					}
					return
				}
				for n := range 5 {
					workflow := fmt.Sprintf("%d-%d-%d", round, i, n)
					recorded, err := s.Record(t.Context(), workflow, []webhook.Record{in("of "+workflow, informs(workflow))})
					if err != nil {
						t.Error(err)
						return
					}
					over := recorded.Owed[0].Handed
					if !over && n%2 == 1 { // as an attempt that fails does
						if over, err = s.HandOver(t.Context(), workflow, "crm", ""); err != nil {
							t.Error(err)
						}
					}
					if over {
						mu.Lock()
						handedOver = append(handedOver, workflow)
						mu.Unlock()
					}
				}
			})
			slices.Sort(handedOver)
			slices.Sort(seen)
			same(t, "seen after the release", seen, handedOver)
			settled := map[string]webhook.Settlement{}
			for _, workflow := range seen {
				settled[workflow] = told(workflow)
			}
			if err := stores[0].SettleAll(t.Context(), "crm", settled); err != nil {
				t.Fatal(err)
			}
		}
		noDeadlocks(t, url, stores)
	})
}

// A release waits for a transaction that has handed something over and is not committed.
func TestReleaseWaits(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		if !strings.HasPrefix(url, "postgres:") {
			t.Skip("SQLite has one writer")
		}
		s := open(t, url)
		hold(t, s, webhook.Hold{Destination: "crm"})
		db := behind(t, url)
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(t.Context(), "SELECT 1 FROM holds FOR KEY SHARE"); err != nil { // as recording does
			t.Fatal(err)
		}
		released := make(chan error, 1)
		go func() { released <- s.Release(t.Context(), "crm") }()
		waiting := func() (n int) { // outside of the transaction: in one, what others do stays as it was when first asked
			const query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'DELETE FROM holds%'"
			if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		for waiting() == 0 {
			select {
			case err := <-released:
				t.Fatalf("released although somebody hands over: %v", err)
			default:
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := <-released; err != nil || held(t, s, "crm") != nil {
			t.Errorf("not released: %v", err)
		}
	})
}

// Who owes something for long is asked about, by one at a time, and ever more rarely.
func TestSuspects(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		for _, workflow := range []string{"new", "old", "older", "settled", "handed"} {
			record(t, s, workflow, in("of "+workflow, informs(workflow)))
		}
		if err := s.Settle(t.Context(), "settled", "crm", told("settled")); err != nil {
			t.Fatal(err)
		}
		if err := s.Adopt(t.Context(), "crm", []string{"handed"}); err != nil {
			t.Fatal(err)
		}
		db := behind(t, url)
		ago := func(minutes int) int64 { return time.Now().Add(-time.Duration(minutes) * time.Minute).UnixMicro() }
		execute(t, db, fmt.Sprintf("UPDATE outbox SET created_at = %d WHERE workflow NOT IN ('new', 'older')", ago(60)))
		execute(t, db, fmt.Sprintf("UPDATE outbox SET created_at = %d WHERE workflow = 'older'", ago(100)))
		ask := func(limit int) []string {
			t.Helper()
			before, err := s.Standing(t.Context(), "crm", time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			suspects, err := s.Suspects(t.Context(), "crm", time.Minute, limit)
			if err != nil {
				t.Fatal(err)
			}
			if before.Orphan != (len(suspects) > 0) {
				t.Errorf("standing says %v, and there are %d", before.Orphan, len(suspects))
			}
			slices.Sort(suspects)
			return suspects
		}
		same(t, "the oldest", ask(1), []string{"older"})
		same(t, "the others", ask(9), []string{"old"})
		same(t, "none is left", ask(9), nil)
		for workflow, minutes := range map[string]int{"old": 14, "older": 26} { // of 60 and 100
			execute(t, db, fmt.Sprintf("UPDATE outbox SET checked_at = %d WHERE workflow = '%s'", ago(minutes), workflow))
		}
		same(t, "after a third of its age", ask(9), []string{"older"})
	})
}

package state_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/internal/state"
	"holdfast/internal/webhook"
)

// debts are what was handed over for a destination behind a place in its sequence.
func debts(t *testing.T, s *state.Store, destination string, after int64) []webhook.Debt {
	t.Helper()
	list, err := s.Handed(t.Context(), destination, time.Now().Add(time.Hour), after, 1000)
	if err != nil {
		t.Error(err)
	}
	return list
}

// Many record for destinations that are told in order, in every order and with facts in between, while others read behind the
// last that they saw, settle, part and release. Nobody misses anything, and nobody waits for ever.
func TestNothingAppearsBelowWhatWasSeen(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		const writers, rounds = 6, 15
		names := []string{"a", "b", "c"}
		stores := []*state.Store{open(t, url), open(t, url)}
		var writing atomic.Int64
		writing.Store(writers)
		seen := make([][]string, len(names))
		var mu sync.Mutex
		want := map[string][]string{}
		together(writers+len(names)+1, func(i int) {
			s := stores[i%2]
			switch reader := i - writers; {
			case reader == len(names): // what happens meanwhile
				for n := 0; writing.Load() > 0; n++ {
					if _, err := s.Hold(t.Context(), webhook.Hold{Destination: "crm", Cause: webhook.ByTrouble, Since: noon}); err != nil {
						t.Error(err)
					}
					if err := s.Release(t.Context(), "crm"); err != nil {
						t.Error(err)
					}
				}
			case reader >= 0:
				after := int64(0)
				for last := false; !last; {
					last = writing.Load() == 0 // then this is the last look
					list := debts(t, s, names[reader], after)
					for n, d := range list {
						if d.Sequence <= after {
							t.Errorf("sequence %d after %d", d.Sequence, after)
						}
						after = d.Sequence
						seen[reader] = append(seen[reader], d.Workflow)
						settled := map[string]webhook.Settlement{d.Workflow: told(d.Events[0].ID)}
						var err error
						switch n % 3 {
						case 0:
							err = s.SettleAll(t.Context(), names[reader], settled)
						case 1:
							err = s.Part(t.Context(), d.Workflow, names[reader], []string{d.Events[0].ID}, "owed/"+names[reader]+"/"+d.Workflow)
						}
						if err != nil {
							t.Error(err)
						}
					}
				}
			default:
				defer writing.Add(-1)
				for round := range rounds {
					workflow := fmt.Sprintf("%d-%d", i, round)
					c := ban(workflow, at(round))
					c.Changes[0].Entity = webhook.AccountEntity(fmt.Sprint(rand.IntN(3)))
					c.Changes[0].Value = fmt.Sprintf("%q", workflow)
					c.Destinations = routes("crm")
					order := rand.Perm(len(names))[:1+rand.IntN(len(names))]
					slices.Sort(order)
					for _, n := range order {
						c.Destinations = append(c.Destinations, webhook.Route{Destination: names[n], Own: true, Ordered: true})
					}
					recorded, err := s.Record(t.Context(), workflow, []webhook.Record{in("of "+workflow, c)})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, o := range recorded.Owed {
						if o.Destination != "crm" {
							want[o.Destination] = append(want[o.Destination], workflow)
						}
					}
					mu.Unlock()
				}
			}
		})
		for i, name := range names {
			slices.Sort(seen[i])
			slices.Sort(want[name])
			same(t, "seen of "+name, seen[i], want[name])
		}
		if len(want["a"]) == 0 {
			t.Error("nothing was recorded")
		}
		noDeadlocks(t, url, stores)
	})
}

// A place is not given away twice, whatever the clock says, and is known only once all before it are.
func TestSequenceGoesUp(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		db := behind(t, url)
		future := time.Now().Add(30 * time.Minute).UnixMicro()
		record(t, s, "w1", in("a", inOrder("1")))
		execute(t, db, fmt.Sprintf("UPDATE sequences SET last = %d", future)) // another's clock is ahead
		record(t, s, "w2", in("b", inOrder("2")))
		record(t, s, "w3", in("c", inOrder("3")))
		same(t, "again", record(t, s, "w3", in("c", inOrder("3"))).Owed, []webhook.Owed{{Destination: "crm", Events: []string{"3"}, Handed: true}})
		var got []int64
		for _, d := range debts(t, s, "crm", 0)[1:] {
			got = append(got, d.Sequence-future)
		}
		same(t, "sequence", got, []int64{1, 2})

		// What one workflow owes has an order too, where nobody asked for one.
		record(t, s, "w", in("d", informs("4")))
		execute(t, db, fmt.Sprintf("UPDATE outbox SET seq = %d WHERE workflow = 'w'", future))
		record(t, s, "w", in("e", informs("5")))
		same(t, "owed", owed(t, s, "w", "crm"), []string{"4", "5"})
	})
}

// What becomes owed to a destination with a workflow of its own is that workflow's, and has a place; a repeated record makes
// none, a second one another.
func TestOwn(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		both := func(id string) webhook.Candidate {
			c := inOrder(id)
			c.Destinations = append(c.Destinations, webhook.Route{Destination: "limited", Own: true}, webhook.Route{Destination: "log"})
			return c
		}
		began := time.Now().Add(-time.Microsecond)
		for range 2 {
			same(t, "owed", record(t, s, "w", in("a", both("1"), both("2"))).Owed, []webhook.Owed{
				{Destination: "crm", Events: []string{"1", "2"}, Handed: true},
				{Destination: "limited", Events: []string{"1", "2"}, Handed: true},
				{Destination: "log", Events: []string{"1", "2"}},
			})
		}
		record(t, s, "other", in("b", both("3")))
		same(t, "owed once more was recorded", record(t, s, "w", in("c", both("4"))).Owed, []webhook.Owed{
			{Destination: "crm", Events: []string{"1", "2", "4"}, Handed: true},
			{Destination: "limited", Events: []string{"1", "2", "4"}, Handed: true},
			{Destination: "log", Events: []string{"1", "2", "4"}},
		})
		same(t, "handed", handed(t, s, time.Now().Add(time.Hour), 9), []string{"w: 1 2", "other: 3", "w: 4"})
		list := debts(t, s, "crm", 0)
		for i, d := range list {
			if d.Since.Before(began) || d.Since.After(time.Now()) || d.Sequence < d.Since.UnixMicro() || i > 0 && d.Sequence <= list[i-1].Sequence {
				t.Errorf("debt %d: %+v", i, d)
			}
		}
		same(t, "behind the first", len(debts(t, s, "crm", list[0].Sequence)), 2)
		same(t, "behind all", len(debts(t, s, "crm", list[2].Sequence)), 0)

		// Over several rows, in any portion.
		for _, step := range []struct{ settle, left []string }{
			{[]string{"2", "4"}, []string{"1"}}, {[]string{"1"}, nil},
		} {
			if err := s.Settle(t.Context(), "w", "crm", told(step.settle...)); err != nil {
				t.Fatal(err)
			}
			same(t, "left", owed(t, s, "w", "crm"), step.left)
		}
		if err := s.SettleAll(t.Context(), "limited", map[string]webhook.Settlement{"w": told("1", "2", "4"), "other": told("3")}); err != nil {
			t.Fatal(err)
		}
		standing, err := s.Standing(t.Context(), "limited", time.Hour)
		same(t, "standing", standing, webhook.Standing{})
		if err != nil {
			t.Error(err)
		}
	})
}

// Debts that share a place because they have parted come together, whole, however few are asked for.
func TestPartedDebtsShareAPlace(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		record(t, s, "w", in("a", inOrder("1"), inOrder("2"), inOrder("3")))
		record(t, s, "x", in("b", inOrder("4")))
		part := func(workflow string, event, to string) {
			t.Helper()
			if err := s.Part(t.Context(), workflow, "crm", []string{event}, to); err != nil {
				t.Fatal(err)
			}
		}
		part("w", "2", "owed/2")
		part("w", "3", "owed/3")
		for _, workflow := range []string{"owed/2", "owed/3"} {
			if over, err := s.HandOver(t.Context(), workflow, "crm", ""); err != nil || over {
				t.Errorf("handed over although it is not held: %v, %v", over, err)
			}
			if over, err := s.Give(t.Context(), workflow, "crm"); err != nil || !over {
				t.Errorf("not given: %v, %v", over, err)
			}
		}
		if over, err := s.Give(t.Context(), "nobody", "crm"); err != nil || over {
			t.Errorf("given: %v, %v", over, err)
		}
		same(t, "one", handed(t, s, time.Now().Add(time.Hour), 1), []string{"owed/2: 2", "owed/3: 3", "w: 1"})
		list, err := s.Handed(t.Context(), "crm", time.Now().Add(time.Hour), 0, 2)
		if err != nil || len(list) != 3 || list[0].Sequence != list[2].Sequence {
			t.Errorf("%+v, %v", list, err)
		}
		same(t, "behind them", len(debts(t, s, "crm", list[0].Sequence)), 1)
	})
}

// Events that are refused again and again part in another company each time, and come back to a workflow that had them before.
func TestPartedAgain(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		record(t, s, "w", in("a", inOrder("1"), inOrder("2"), inOrder("3")))
		part := func(workflow, to string, events ...string) {
			t.Helper()
			for range 2 { // repeated, it changes nothing
				if err := s.Part(t.Context(), workflow, "crm", events, to); err != nil {
					t.Fatal(err)
				}
			}
		}
		part("w", "owed/crm/2", "2", "1")
		part("owed/crm/2", "owed/crm/1", "1", "2")
		same(t, "owed by the first", owed(t, s, "owed/crm/2", "crm"), nil)
		if handed, err := s.Give(t.Context(), "owed/crm/1", "crm"); !handed || err != nil {
			t.Fatal(handed, err)
		}
		part("owed/crm/1", "owed/crm/2", "2")
		same(t, "owed again", owed(t, s, "owed/crm/2", "crm"), []string{"2"})
		part("w", "owed/crm/2", "3")
		same(t, "owed with another", owed(t, s, "owed/crm/2", "crm"), []string{"2", "3"})
		same(t, "owed by the other", owed(t, s, "owed/crm/1", "crm"), []string{"1"})
		list := debts(t, s, "crm", 0)
		if len(list) != 1 || list[0].Workflow != "owed/crm/1" {
			t.Errorf("handed over: %+v", list)
		}
	})
}

// What was handed over only after it was recorded is known, by whomever and why it was.
func TestHandedOverLate(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		record(t, s, "w1", in("a", informs("1"))) // before the destination was told in order
		record(t, s, "w2", in("b", inOrder("2")))
		record(t, s, "w3", in("c", informs("3")))
		if handed, err := s.Give(t.Context(), "w1", "crm"); !handed || err != nil {
			t.Fatal(handed, err)
		}
		if err := s.Adopt(t.Context(), "crm", []string{"w3"}); err != nil {
			t.Fatal(err)
		}
		late := map[string]bool{}
		for _, d := range debts(t, s, "crm", 0) {
			late[d.Workflow] = d.Handed.After(d.Since)
		}
		same(t, "late", late, map[string]bool{"w1": true, "w2": false, "w3": true})
	})
}

// If a part of what a workflow owes is handed over, the rest goes with it when somebody asks.
func TestTheRestIsHandedOverToo(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		record(t, s, "w", in("a", informs("1")))
		same(t, "owed", record(t, s, "w", in("b", inOrder("2"))).Owed, []webhook.Owed{{Destination: "crm", Events: []string{"1", "2"}}})
		if over, err := s.HandOver(t.Context(), "w", "crm", ""); err != nil || !over {
			t.Errorf("not handed over: %v, %v", over, err)
		}
		same(t, "handed", handed(t, s, time.Now().Add(time.Hour), 9), []string{"w: 1", "w: 2"})
	})
}

// What is dropped is what was handed over and recorded before.
func TestDrop(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		db := behind(t, url)
		const old = 1203
		var rows []string
		for i := range old {
			rows = append(rows, fmt.Sprintf(`('old %d', 'crm', %d, '["x", "y"]', 1, 1)`, i, i))
		}
		execute(t, db, "INSERT INTO outbox (workflow, destination, seq, events, created_at, handed_at) VALUES "+strings.Join(rows, ", "))
		record(t, s, "own", in("a", informs("1")))
		execute(t, db, "UPDATE outbox SET seq = 1 WHERE workflow = 'own'")
		record(t, s, "new", in("b", inOrder("2")))
		beats := 0
		dropped, events, err := s.Drop(t.Context(), "crm", time.Now().Add(-time.Minute), func() { beats++ })
		if err != nil || dropped != old || events != 2*old || beats < 2 {
			t.Errorf("dropped %d debts, %d events, %v; %d beats", dropped, events, err, beats)
		}
		same(t, "handed", handed(t, s, time.Now().Add(time.Hour), 9), []string{"new: 2"})
		same(t, "own", owed(t, s, "own", "crm"), []string{"1"})
		var settled int
		const query = "SELECT count(*) FROM outbox WHERE how = 'dropped' AND settled_at IS NOT NULL AND events = '[]'"
		if err := db.QueryRowContext(t.Context(), query).Scan(&settled); err != nil || settled != old {
			t.Errorf("%d rows are settled, %v", settled, err)
		}
	})
}

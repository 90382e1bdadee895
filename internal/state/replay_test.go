package state_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/state"
	"holdfast/internal/webhook"
)

// replay replays all that is selected, in portions of at most limit, each of them twice. It gives the number of events, and of
// portions that had some.
func replay(t *testing.T, s *state.Store, sel webhook.Selection, to webhook.Route, owner string, limit int) (events, portions int) {
	t.Helper()
	for after := ""; ; {
		n, next, err := s.Replay(t.Context(), sel, to, owner, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		again, same, err := s.Replay(t.Context(), sel, to, owner, after, limit)
		if err != nil || again != n || same != next {
			t.Errorf("repeated: %d events and %q, %v; before %d and %q", again, same, err, n, next)
		}
		if n > limit {
			t.Errorf("%d events in a portion of %d", n, limit)
		}
		if n > 0 {
			portions++
		}
		events += n
		if after = next; after == "" {
			return events, portions
		}
	}
}

// told again are the events that were handed over for a destination, in order.
func toldAgain(t *testing.T, s *state.Store, destination string) []string {
	t.Helper()
	var ids []string
	for _, d := range debts(t, s, destination, 0) {
		for _, e := range d.Events {
			ids = append(ids, e.ID)
		}
		for _, id := range d.Lost {
			ids = append(ids, "lost "+id)
		}
	}
	return ids
}

// What is selected is owed once more, in the order in which it was recorded, from whatever volume.
func TestReplay(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		test, stale, unrouted, elsewhere, odd := informs("test"), informs("stale"), informs("unrouted"), informs("elsewhere"), informs("odd")
		test.Event.Test, stale.Event.Stale = true, true
		unrouted.Destinations = nil
		elsewhere.Event.Account, elsewhere.Event.Type = "999", webhook.PhoneAdded
		odd.Event.Account = "' OR 1=1 --"
		record(t, s, "w1", in("a", informs("z"), informs("y"), ban("ban", at(1)), ban("unchanged", at(1)), informs("y"), test, stale))
		turn(t, s)
		middle := time.Now()
		source := in("b", unrouted, elsewhere)
		source.Source = "other"
		record(t, s, "w2", source)
		turn(t, s)
		record(t, s, "w3", in("c", odd, informs("z"), ban("late", at(0)), informs("x")))

		all := []string{"z", "y", "ban", "test", "unrouted", "elsewhere", "odd", "late", "x"}
		cases := map[string]struct {
			webhook.Selection
			want []string
		}{
			"all":        {want: all},
			"types":      {webhook.Selection{Types: []string{"phone.added", "account.ba*"}}, []string{"ban", "elsewhere", "late"}},
			"ends":       {webhook.Selection{Types: []string{"*.added"}}, []string{"elsewhere"}},
			"without":    {webhook.Selection{Types: []string{"*", "!account.*"}}, []string{"elsewhere"}},
			"any type":   {webhook.Selection{Types: []string{"*"}}, all},
			"no type":    {webhook.Selection{Types: []string{"a%", "account.bann_d", "x*", "') OR (1=1*"}}, nil},
			"such types": {webhook.Selection{Types: []string{"none*"}}, nil},
			"account":    {webhook.Selection{Accounts: []string{"999", "1"}}, []string{"elsewhere"}},
			"odd":        {webhook.Selection{Accounts: []string{"' OR 1=1 --"}}, []string{"odd"}},
			"source":     {webhook.Selection{Sources: []string{"other"}}, []string{"unrouted", "elsewhere"}},
			"since":      {webhook.Selection{Since: middle}, []string{"unrouted", "elsewhere", "odd", "late", "x"}},
			"until":      {webhook.Selection{Until: middle}, []string{"z", "y", "ban", "test"}},
			"neither":    {webhook.Selection{Since: middle, Until: middle}, nil},
			"workflow":   {webhook.Selection{Workflow: "w2"}, []string{"unrouted", "elsewhere"}},
			"webhook":    {webhook.Selection{Webhook: "a", Accounts: []string{account}}, []string{"z", "y", "ban", "test"}},
			"event":      {webhook.Selection{Event: "ban"}, []string{"ban"}},
			"other type": {webhook.Selection{Event: "ban", Types: []string{"phone.*"}}, nil},
			"unchanged":  {webhook.Selection{Event: "unchanged"}, nil},
			"nothing":    {webhook.Selection{Event: "nothing"}, nil},
			"unrouted":   {webhook.Selection{Unrouted: true}, []string{"unrouted"}},
		}
		for name, c := range cases {
			if n, err := s.Count(t.Context(), c.Selection); err != nil || n != len(c.want) {
				t.Errorf("%s: %d events, %v; want %d", name, n, err, len(c.want))
			}
			for i, ordered := range []bool{false, true} {
				to := webhook.Route{Destination: fmt.Sprint(name, i), Own: true, Ordered: ordered}
				_, portions := replay(t, s, c.Selection, to, "replay/"+name, 2)
				same(t, name, toldAgain(t, s, to.Destination), c.want)
				if want := (len(c.want) + 1) / 2; portions != want {
					t.Errorf("%s: %d portions, want %d", name, portions, want)
				}
			}
		}
		for _, after := range []string{"x", "1", ".", "1.xx", "1; DROP TABLE outbox"} {
			if _, _, err := s.Replay(t.Context(), webhook.Selection{}, webhook.Route{Destination: "crm"}, "replay/x", after, 2); err == nil && after != "1" {
				t.Errorf("%q is a place in the log", after)
			}
		}
		e, err := s.EventByID(t.Context(), "late")
		if err != nil || e.Event.ID != "late" || !e.Event.Late || e.Outcome != webhook.Late || e.Workflow != "w3" || e.Recorded.Before(middle.Truncate(time.Microsecond)) {
			t.Errorf("event %+v, %v", e, err)
		}
		for id, want := range map[string][]string{"late": {"crm"}, "unrouted": {}, "nothing": nil} {
			e, err := s.EventByID(t.Context(), id)
			same(t, "routes of "+id, e.Routes, want)
			if err != nil {
				t.Error(err)
			}
		}
	})
}

// A step looks at a part of the log only, however little of it is selected.
func TestReplayGoesStepByStep(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		const others = 25000
		db := behind(t, url)
		numbers := "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n) n"
		id := "CAST(CAST(i AS TEXT) AS BLOB)"
		if !strings.HasPrefix(url, "sqlite:") {
			id = "convert_to(i::text, 'UTF8')"
		}
		// Half of them at the same microsecond, as events of older versions may be.
		execute(t, db, fmt.Sprintf(`INSERT INTO events (id, volume, type, source, account, time, recorded_at, webhook, workflow, outcome, payload)
			SELECT `+id+`, 1, 'message.status', 'meta', '1', 1, CASE WHEN i < 12500 THEN i ELSE 12500 END, `+id+`, 'w', 'fresh', `+id+` FROM `+numbers, others))
		record(t, s, "w1", in("a", informs("1"), informs("2"), informs("3")))
		sel := webhook.Selection{Accounts: []string{account}}
		steps, got := 0, 0
		for after := ""; steps == 0 || after != ""; steps++ {
			n, next, err := s.Replay(t.Context(), sel, webhook.Route{Destination: "new"}, "replay/1", after, 2)
			if err != nil {
				t.Fatal(err)
			}
			got, after = got+n, next
		}
		if steps < 3 || got != 3 {
			t.Errorf("%d events in %d steps", got, steps)
		}
		same(t, "replayed", toldAgain(t, s, "new"), []string{"1", "2", "3"})
		for limit, want := range map[int]int{10000: 3, 24000: 2} {
			n, portions := replay(t, s, webhook.Selection{Accounts: []string{"1"}}, webhook.Route{Destination: fmt.Sprint("all", limit)}, "replay/2", limit)
			if n != others || portions < want {
				t.Errorf("%d events in %d portions of %d, want %d in at least %d", n, portions, limit, others, want)
			}
		}
	})
}

// Several who replay the same at once add each event once; others do so to the same destination, and nobody waits for ever.
func TestReplayAtOnce(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		stores := []*state.Store{open(t, url), open(t, url)}
		var want []string
		for i := range 10 {
			want = append(want, fmt.Sprint(i))
			record(t, stores[0], fmt.Sprint("w", i), in(fmt.Sprint("of ", i), informs(fmt.Sprint(i))))
		}
		until := time.Now().Add(time.Millisecond)
		together(6, func(i int) {
			s := stores[i%2]
			if i >= 4 {
				for n := range 10 {
					workflow := fmt.Sprint("x", i, "-", n)
					if _, err := s.Record(t.Context(), workflow, []webhook.Record{in("of "+workflow, inOrder(workflow))}); err != nil {
						t.Error(err)
					}
				}
				return
			}
			for after := ""; ; {
				_, next, err := s.Replay(t.Context(), webhook.Selection{Until: until}, webhook.Route{Destination: "crm", Ordered: true}, "replay/1", after, 3)
				if err != nil {
					t.Error(err)
				}
				if after = next; err != nil || after == "" {
					return
				}
			}
		})
		got := toldAgain(t, stores[0], "crm")
		got = slices.DeleteFunc(got, func(id string) bool { return strings.HasPrefix(id, "x") })
		same(t, "replayed", got, want)
		noDeadlocks(t, url, stores)
	})
}

// While old volumes are dropped, what is replayed from them is not lost: it moves, or is not selected any more.
func TestReplayWhileVolumesAreDropped(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		const events = 30
		stores := []*state.Store{open(t, url), open(t, url)}
		s := stores[0]
		for i := range events {
			c := informs(fmt.Sprint(i))
			c.Destinations = nil
			record(t, s, fmt.Sprint("w", i), in(fmt.Sprint("of ", i), c))
		}
		turn(t, s)
		opened(t, url, 2, window+25*time.Hour)
		until := time.Now()
		replay(t, s, webhook.Selection{Until: until}, webhook.Route{Destination: "early"}, "replay/early", 7)
		together(4, func(i int) {
			s := stores[i%2]
			if i == 0 {
				if _, err := s.Prune(t.Context(), window, func() {}); err != nil {
					t.Error(err)
				}
				return
			}
			for round := range 5 {
				for after := ""; ; {
					to := webhook.Route{Destination: fmt.Sprintf("crm%d-%d", i, round)}
					_, next, err := s.Replay(t.Context(), webhook.Selection{Until: until}, to, "replay/"+to.Destination, after, 3)
					if err != nil {
						t.Error(err)
					}
					if after = next; err != nil || after == "" {
						break
					}
				}
			}
		})
		same(t, "replayed before", len(slices.DeleteFunc(toldAgain(t, s, "early"), func(id string) bool { return strings.HasPrefix(id, "lost") })), events)
		for i := range 4 {
			for round := range 5 {
				for _, id := range toldAgain(t, s, fmt.Sprintf("crm%d-%d", i, round)) {
					if strings.HasPrefix(id, "lost") {
						t.Errorf("%s: owed by a replay", id)
					}
				}
			}
		}
	})
}

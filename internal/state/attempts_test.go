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

// attempt is one that failed, so many seconds after noon.
func attempt(event string, seconds int) webhook.Attempt {
	return webhook.Attempt{
		Event: event, At: at(seconds), Took: 1500 * time.Millisecond, Number: 2, Outcome: webhook.Retry, Status: 503, Reason: "status 503",
		Next: at(seconds + 10),
	}
}

func attempts(t *testing.T, s *state.Store, q state.AttemptQuery) []state.Attempted {
	t.Helper()
	all, err := s.AttemptsOf(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// when is which events attempts were about and when, as "workflow event seconds".
func when(list []state.Attempted) []string {
	var out []string
	for _, a := range list {
		out = append(out, fmt.Sprintf("%s %s %d", a.Workflow, a.Event, a.At.Unix()-noon.Unix()))
	}
	return out
}

func settle(t *testing.T, s *state.Store, workflow, destination string, settled webhook.Settlement) {
	t.Helper()
	if err := s.Settle(t.Context(), workflow, destination, settled); err != nil {
		t.Fatal(err)
	}
}

// An attempt comes back as it was noted, by each way of settling.
func TestAttempts(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		hash := "evt_" + hashOf("an event")
		record(t, s, "w", in("a", informs(hash), informs("2"), informs("3")))
		record(t, s, "x", in("b", informs("4")))
		record(t, s, "y", in("c", informs("5")))
		long := attempt("2", 2)
		long.Reason = "it says \"no\",\n\x00\xff and " + strings.Repeat("ß", 300)
		bare := webhook.Attempt{Event: hash, At: at(3), Outcome: webhook.Told}
		settle(t, s, "w", "crm", webhook.Settlement{Attempts: []webhook.Attempt{attempt(hash, 1), long}})
		settle(t, s, "w", "crm", webhook.Settlement{Events: []string{hash}, How: "told", Attempts: []webhook.Attempt{bare}})
		settle(t, s, "w", "crm", webhook.Settlement{Events: []string{"2", "3"}, How: "told", Attempts: []webhook.Attempt{attempt("3", 4)}})
		settle(t, s, "x", "crm", webhook.Settlement{Events: []string{"4"}, How: "told", Attempts: []webhook.Attempt{attempt("4", 5)}})
		for range 2 { // the second time by somebody who was thought dead
			settled := map[string]webhook.Settlement{
				"y": {Events: []string{"5"}, How: "skipped", Attempts: []webhook.Attempt{attempt("5", 6)}},
				"w": {Attempts: []webhook.Attempt{attempt("2", 7)}}, // after it was settled
			}
			if err := s.SettleAll(t.Context(), "crm", settled); err != nil {
				t.Fatal(err)
			}
		}
		got := attempts(t, s, state.AttemptQuery{Workflow: "w"})
		same(t, "of a workflow", when(got), []string{"w 2 7", "w 3 4", "w " + hash + " 3", "w 2 2", "w " + hash + " 1"})
		same(t, "bare", got[2], state.Attempted{Destination: "crm", Workflow: "w", Attempt: bare})
		same(t, "full", got[4], state.Attempted{Destination: "crm", Workflow: "w", Attempt: attempt(hash, 1)})
		if reason := got[3].Reason; !strings.HasPrefix(reason, "it says \"no\",\n\x00") || len(reason) > 210 {
			t.Errorf("reason %q", reason)
		}
		same(t, "of an event", when(attempts(t, s, state.AttemptQuery{Event: "2"})), []string{"w 2 7", "w 2 2"})
		same(t, "of a webhook", when(attempts(t, s, state.AttemptQuery{Webhook: "c"})), []string{"y 5 6"})
		same(t, "the latest three", when(attempts(t, s, state.AttemptQuery{Destination: "crm", Limit: 3})), []string{"w 2 7", "y 5 6", "x 4 5"})
		same(t, "of all", len(attempts(t, s, state.AttemptQuery{})), 7)
		same(t, "of another destination", attempts(t, s, state.AttemptQuery{Event: "2", Destination: "log"}), nil)
		same(t, "of what nobody knows", attempts(t, s, state.AttemptQuery{Event: "9"}), nil)
		same(t, "how", hows(t, url), []string{"w told", "x told", "y skipped"})
	})
}

// hows is why rows are settled.
func hows(t *testing.T, url string) []string {
	t.Helper()
	rows, err := behind(t, url).QueryContext(t.Context(), "SELECT workflow, how FROM outbox ORDER BY workflow")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var workflow, how string
		if err := rows.Scan(&workflow, &how); err != nil {
			t.Fatal(err)
		}
		out = append(out, workflow+" "+how)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// An attempt is noted where its event is owed, and found from the event, the webhook and the workflow wherever that is.
func TestAttemptsOfWhatHasParted(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		record(t, s, "w", in("a", inOrder("1"), inOrder("2")), in("b", inOrder("3")))
		record(t, s, "w", in("c", inOrder("4")))
		note := func(workflow string, events ...string) {
			t.Helper()
			var list []webhook.Attempt
			for _, event := range events {
				n := len(attempts(t, s, state.AttemptQuery{})) + len(list)
				list = append(list, attempt(event, n))
			}
			settle(t, s, workflow, "crm", webhook.Settlement{Attempts: list})
		}
		note("w", "1", "4", "2", "3")
		if err := s.Part(t.Context(), "w", "crm", []string{"1", "2"}, "owed/crm/1"); err != nil {
			t.Fatal(err)
		}
		note("w", "2") // parted, but known only now
		note("owed/crm/1", "2")
		if over, err := s.Give(t.Context(), "owed/crm/1", "crm"); err != nil || !over {
			t.Fatal(over, err)
		}
		if err := s.Part(t.Context(), "owed/crm/1", "crm", []string{"2"}, "owed/crm/2"); err != nil {
			t.Fatal(err)
		}
		note("owed/crm/2", "2")
		if _, _, err := s.Replay(t.Context(), webhook.Selection{}, webhook.Route{Destination: "crm"}, "replay/r", "", 10); err != nil {
			t.Fatal(err)
		}
		replayed := debts(t, s, "crm", 0)[3].Workflow
		note(replayed, "2", "1")
		if err := s.Part(t.Context(), replayed, "crm", []string{"2"}, "owed/crm/2/again"); err != nil {
			t.Fatal(err)
		}
		note("owed/crm/2/again", "2")
		want := []string{"owed/crm/2/again 2 9", replayed + " 2 7", "owed/crm/2 2 6", "owed/crm/1 2 5", "w 2 4", "w 2 2"}
		same(t, "of the event", when(attempts(t, s, state.AttemptQuery{Event: "2"})), want)
		same(t, "of its webhook", when(attempts(t, s, state.AttemptQuery{Webhook: "a"})), []string{"owed/crm/2 2 6", "owed/crm/1 2 5", "w 2 4", "w 2 2", "w 1 0"})
		same(t, "of the workflow", when(attempts(t, s, state.AttemptQuery{Workflow: "w"})),
			[]string{"owed/crm/2 2 6", "owed/crm/1 2 5", "w 2 4", "w 3 3", "w 2 2", "w 4 1", "w 1 0"})
		same(t, "of the replay", when(attempts(t, s, state.AttemptQuery{Workflow: replayed})), []string{replayed + " 1 8", replayed + " 2 7"})
		same(t, "of the rest", when(attempts(t, s, state.AttemptQuery{Event: "4"})), []string{"w 4 1"})
	})
}

// Of many the last remain, and can be read.
func TestAttemptsAreBounded(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		record(t, s, "w", in("a", informs("1"), informs("2")))
		n := 0
		some := func(count int) (list []webhook.Attempt) {
			for range count {
				list = append(list, attempt("1", n))
				n++
			}
			return list
		}
		size := func() (size int) {
			t.Helper()
			if err := behind(t, url).QueryRowContext(t.Context(), "SELECT length(attempts) FROM outbox").Scan(&size); err != nil {
				t.Fatal(err)
			}
			return size
		}
		for _, step := range []struct {
			count  int
			events []string
		}{{150, nil}, {150, nil}, {7, nil}, {1000, nil}, {1, []string{"1"}}, {3, []string{"2"}}} {
			settled := webhook.Settlement{Events: step.events, Attempts: some(step.count)}
			settle(t, s, "w", "crm", settled)
			all := attempts(t, s, state.AttemptQuery{Workflow: "w"})
			if len(all) < min(n, 150) || size() > 16<<10 {
				t.Fatalf("%d attempts of %d are left, in %d characters", len(all), n, size())
			}
			var want []string
			for i := range all {
				want = append(want, fmt.Sprintf("w 1 %d", n-1-i))
			}
			same(t, "attempts", when(all), want)
		}
		if slices.Contains(when(attempts(t, s, state.AttemptQuery{Workflow: "w"})), "w 1 0") {
			t.Error("the first is still there: too few to prove anything")
		}
	})
}

// Who settles parts of the same at once loses no attempt.
func TestAttemptsAtOnce(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		const settlers, events = 6, 8
		stores := []*state.Store{open(t, url), open(t, url)}
		for _, webhook := range []string{"a", "b"} {
			var all []string
			for n := range settlers * events / 2 {
				all = append(all, fmt.Sprint(webhook, n))
			}
			list := in(webhook)
			for _, id := range all {
				list.Events = append(list.Events, inOrder(id))
			}
			record(t, stores[0], "w", list)
		}
		together(settlers, func(i int) {
			for n := range events {
				id := fmt.Sprint([]string{"a", "b"}[i%2], i/2*events+n)
				settled := webhook.Settlement{Events: []string{id}, How: "told", Attempts: []webhook.Attempt{attempt(id, i*events+n)}}
				var err error
				if n%2 == 0 {
					err = stores[i%2].Settle(t.Context(), "w", "crm", settled)
				} else {
					err = stores[i%2].SettleAll(t.Context(), "crm", map[string]webhook.Settlement{"w": settled})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
		same(t, "owed", owed(t, stores[0], "w", "crm"), nil)
		same(t, "attempts", len(attempts(t, stores[0], state.AttemptQuery{Workflow: "w"})), settlers*events)
		noDeadlocks(t, url, stores)
	})
}

// Attempts can be looked up for as long as the options say.
func TestAttemptsArePruned(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		for keep, want := range map[time.Duration]int{0: 1, time.Hour: 0, 100 * time.Hour: 1} {
			s, err := state.Open(t.Context(), url, state.Options{Attempts: keep})
			if err != nil {
				t.Fatal(err)
			}
			workflow := keep.String()
			record(t, s, workflow, in("of "+workflow, informs(workflow)))
			settle(t, s, workflow, "crm", webhook.Settlement{Events: []string{workflow}, How: "told", Attempts: []webhook.Attempt{attempt(workflow, 1)}})
			execute(t, behind(t, url), fmt.Sprintf("UPDATE outbox SET settled_at = %d", time.Now().Add(-50*time.Hour).UnixMicro()))
			prune(t, s, window)
			same(t, "attempts kept for "+workflow, len(attempts(t, s, state.AttemptQuery{Workflow: workflow})), want)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

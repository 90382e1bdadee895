package state_test

import (
	"testing"
	"time"

	"holdfast/internal/state"
	"holdfast/internal/webhook"
)

// What is owed is counted and listed until it is settled, however little of it is left.
func TestBacklogs(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		if all, err := s.Backlogs(t.Context()); err != nil || len(all) != 0 {
			t.Errorf("backlogs of nobody: %v, %v", all, err)
		}
		to := func(id string, destinations ...string) webhook.Candidate {
			c := informs(id)
			c.Destinations = destinations
			return c
		}
		record(t, s, "w1", in("a", to("1", "crm", "Zed"), to("2", "crm")))
		record(t, s, "w2", in("b", to("3", "crm")))
		record(t, s, "w3", in("c", to("4", "crm", "other")))
		db := behind(t, url)
		for workflow, since := range map[string]string{"w1": "2000000", "w2": "1000000", "w3": "3000000"} {
			execute(t, db, "UPDATE outbox SET created_at = "+since+" WHERE workflow = '"+workflow+"'")
		}
		for _, settled := range []struct {
			workflow, destination string
			events                []string
		}{{"w1", "crm", []string{"1"}}, {"w3", "other", []string{"4"}}} {
			if err := s.Settle(t.Context(), settled.workflow, settled.destination, settled.events, "told"); err != nil {
				t.Fatal(err)
			}
		}
		since := func(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
		backlogs, err := s.Backlogs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "backlogs", backlogs, []state.Backlog{{"Zed", 1, since(2)}, {"crm", 3, since(1)}})
		for limit, want := range map[int][]state.Unsettled{
			9: {{"crm", "w2", 1, since(1)}, {"Zed", "w1", 1, since(2)}, {"crm", "w1", 1, since(2)}, {"crm", "w3", 1, since(3)}},
			1: {{"crm", "w2", 1, since(1)}},
		} {
			unsettled, err := s.Unsettled(t.Context(), limit)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "unsettled", unsettled, want)
		}
	})
}

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
		if all, err := s.Standings(t.Context(), time.Hour); err != nil || len(all) != 0 {
			t.Errorf("standings of nobody: %v, %v", all, err)
		}
		to := func(id string, destinations ...string) webhook.Candidate {
			c := informs(id)
			c.Destinations = routes(destinations...)
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
			if err := s.Settle(t.Context(), settled.workflow, settled.destination, told(settled.events...)); err != nil {
				t.Fatal(err)
			}
		}
		since := func(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
		hold(t, s, webhook.Hold{Destination: "crm"})
		hold(t, s, webhook.Hold{Destination: "idle"})
		if handed, err := s.HandOver(t.Context(), "w3", "crm", ""); err != nil || !handed {
			t.Fatalf("handed over: %v, %v", handed, err)
		}
		standings, err := s.Standings(t.Context(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]webhook.Standing{
			"Zed":  {Owed: 1, Oldest: since(2), Orphan: true},
			"crm":  {Owed: 3, Handed: 1, Oldest: since(1), Orphan: true, Hold: held(t, s, "crm")},
			"idle": {Hold: held(t, s, "idle")},
		}
		same(t, "standings", standings, want)
		for destination, want := range want {
			standing, err := s.Standing(t.Context(), destination, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "standing of "+destination, standing, want)
		}
		for limit, want := range map[int][]state.Unsettled{
			9: {{"crm", "w2", 1, since(1), false}, {"Zed", "w1", 1, since(2), false}, {"crm", "w1", 1, since(2), false}, {"crm", "w3", 1, since(3), true}},
			1: {{"crm", "w2", 1, since(1), false}},
		} {
			unsettled, err := s.Unsettled(t.Context(), limit)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "unsettled", unsettled, want)
		}
	})
}

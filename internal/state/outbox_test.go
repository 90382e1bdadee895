package state_test

import (
	"testing"

	"holdfast/internal/webhook"
)

func TestSettle(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		both, other := informs("1"), informs("2")
		both.Destinations, other.Destinations = routes("warehouse", "crm", "crm"), routes("Zed")
		unwanted := informs("3")
		unwanted.Destinations = nil
		recorded := record(t, s, "w", in("a", both, other, unwanted, informs("4"), informs("5")))
		same(t, "owed, by name", recorded.Owed, []webhook.Owed{
			{Destination: "Zed", Events: []string{"2"}},
			{Destination: "crm", Events: []string{"1", "4", "5"}},
			{Destination: "warehouse", Events: []string{"1"}},
		})
		steps := []struct {
			workflow, destination string
			events                []string
			left                  []string // of crm
		}{
			{"w", "crm", nil, []string{"1", "4", "5"}},
			{"w", "crm", []string{"4"}, []string{"1", "5"}},
			{"w", "crm", []string{"4", "9"}, []string{"1", "5"}},
			{"w", "warehouse", []string{"1"}, []string{"1", "5"}},
			{"w", "nobody", []string{"1"}, []string{"1", "5"}},
			{"x", "crm", []string{"1"}, []string{"1", "5"}},
			{"w", "crm", []string{"5", "1"}, nil},
			{"w", "crm", []string{"1", "4", "5"}, nil},
		}
		for _, step := range steps {
			if err := s.Settle(t.Context(), step.workflow, step.destination, told(step.events...)); err != nil {
				t.Fatal(err)
			}
			same(t, "left", owed(t, s, "w", "crm"), step.left)
		}
		same(t, "owed at the end", record(t, s, "w", in("a", both)).Owed, []webhook.Owed{{Destination: "Zed", Events: []string{"2"}}})
		var rows int
		const query = "SELECT count(*) FROM outbox WHERE how = 'told' AND settled_at IS NOT NULL AND events = '[]'"
		if err := behind(t, url).QueryRowContext(t.Context(), query).Scan(&rows); err != nil || rows != 2 {
			t.Errorf("%d rows are settled, %v; want 2", rows, err)
		}
	})
}

func TestOwedWithoutTheLog(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		lost := informs("2")
		lost.Event.Account = "lost"
		record(t, s, "w", in("a", informs("1"), lost, informs("3")))
		execute(t, behind(t, url), "DELETE FROM events WHERE account = 'lost'")
		same(t, "owed", owed(t, s, "w", "crm"), []string{"1", "3"})
	})
}

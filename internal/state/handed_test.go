package state_test

import (
	"strings"
	"testing"

	"holdfast/internal/webhook"
)

// Thousands of events may wait in the memory of who tells a slow destination. What is large comes without its data, and is read
// when it is its turn.
func TestLargeEventsAreHandedOutLight(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		large, odd := ban("large", at(1)), informs("odd")
		large.Event.Phone = webhook.Phone{ID: `,"data":`, Number: "15550001111"}
		large.Event.Data = &webhook.Ban{State: strings.Repeat(`,"data":`, 100_000)}
		odd.Event.Field = strings.Repeat("x", 10_000)
		record(t, s, "w1", in("a", informs("small"), large, odd))
		late := ban("late", at(0))
		late.Event.Data = large.Event.Data
		record(t, s, "w2", in("b", late))
		if err := s.Adopt(t.Context(), "crm", []string{"w1", "w2"}); err != nil {
			t.Fatal(err)
		}
		for _, d := range debts(t, s, "crm", 0) {
			for _, e := range d.Events {
				list, err := s.Events(t.Context(), []string{e.ID, "nobody's"})
				if err != nil || len(list) != 1 {
					t.Fatalf("%s: %d events, %v", e.ID, len(list), err)
				}
				whole := list[0]
				if (e.Data != nil) != (e.ID == "small") || whole.Data == nil || e.Late != (e.ID == "late") {
					t.Errorf("%s: data %v, late %t", e.ID, e.Data != nil, e.Late)
				}
				if e.ID != "small" {
					whole.Data = nil
				}
				same(t, e.ID, e, whole)
			}
		}
		if n := len(debts(t, s, "crm", 0)); n != 2 {
			t.Errorf("%d debts", n)
		}
	})
}

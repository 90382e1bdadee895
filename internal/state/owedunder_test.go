package state_test

import (
	"testing"
	"time"

	"holdfast/internal/webhook"
)

// What one of several replays still has to be told is counted alone.
func TestOwedUnder(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		e := ban("evt_1", noon)
		e.Destinations = []webhook.Route{{Destination: "crm"}}
		if _, err := s.Record(t.Context(), "wh/meta/1", []webhook.Record{{Webhook: "1", Source: "meta", Received: noon, Events: []webhook.Candidate{e}}}); err != nil {
			t.Fatal(err)
		}
		for _, owner := range []string{"replay/crm/a", "replay/crm/ab", "replay/crm/ä"} {
			if n, _, err := s.Replay(t.Context(), webhook.Selection{}, webhook.Route{Destination: "crm"}, owner, "", 10); err != nil || n != 1 {
				t.Fatalf("replayed %d events, %v", n, err)
			}
		}
		left := func(destination, prefix string) int {
			t.Helper()
			n, err := s.OwedUnder(t.Context(), destination, prefix)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for prefix, want := range map[string]int{"replay/crm/a/": 1, "replay/crm/ab/": 1, "replay/crm/ä/": 1, "replay/": 3, "wh/": 0, "replay/%/": 0} {
			if n := left("crm", prefix); n != want {
				t.Errorf("under %s: %d, want %d", prefix, n, want)
			}
		}
		if n := left("other", "replay/"); n != 0 {
			t.Errorf("of another destination: %d", n)
		}
		if _, _, err := s.Drop(t.Context(), "crm", time.Now().Add(time.Hour), func() {}); err != nil {
			t.Fatal(err)
		}
		if n := left("crm", "replay/"); n != 0 {
			t.Errorf("after all is settled: %d", n)
		}
	})
}

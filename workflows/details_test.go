package workflows

import (
	"strings"
	"testing"
	"time"

	"holdfast/activities"
)

// Whoever looks at a workflow that is parked reads first what to do, then what it is about, then the others.
func TestDetailsSayWhatToDoFirst(t *testing.T) {
	p := &process{park: "park-1", since: time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC), shown: view{stage: StageParked}}
	owe := func(name, stage, problem string, events int) {
		p.deliveries = append(p.deliveries, &delivery{
			Notification: activities.Notification{Destination: name, Events: make([]string, events)}, stage: stage, problem: problem,
		})
	}
	for _, name := range []string{"archive", "billing"} {
		owe(name, deliveryOwed, "", 1)
	}
	owe("crm", deliveryParked, "refused: status 400", 1)
	owe("lake", deliveryTold, "", 3)
	text, from := p.details(), 0
	for _, part := range []string{
		"**Parked since 2026-11-21 14:00:00 UTC: an operator must decide**",
		"**What to do** (refused): ",
		"- `crm`: parked, events: 1 (refused: status 400)\n",
		"- owed, left to their own workflows, `destination/…`, which tell them: `archive`, `billing`\n",
		"- told: `lake` (3 events)\n",
		"`{\"park\": \"park-1\"}` to try again",
	} {
		at := strings.Index(text[from:], part)
		if at < 0 {
			t.Fatalf("%q is missing, or too early, in:\n%s", part, text)
		}
		from += at + len(part)
	}
}

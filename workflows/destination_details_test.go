package workflows

import (
	"strings"
	"testing"
	"time"

	"holdfast/activities"
	"holdfast/internal/webhook"
)

// An operator reads how things are, why, and what he can do.
func TestDestinationDetails(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	trouble := &webhook.Hold{Since: noon, Cause: webhook.ByTrouble, Reason: "status 503", Probes: 2, Next: noon.Add(20 * time.Second)}
	gone := &webhook.Hold{Since: noon, Cause: webhook.ByTrouble, Reason: "status 410", Advice: "Take it out.", Next: noon.Add(time.Hour)}
	operator := &webhook.Hold{Since: noon, Cause: webhook.ByOperator, Reason: "maintenance.", Actor: "ada"}
	for name, c := range map[string]struct {
		standing   webhook.Standing
		configured bool
		draining   bool
		says, not  []string
		own        activities.Standing
	}{
		"flowing": {
			webhook.Standing{},
			true, false,
			[]string{"**Flowing**", "owed nothing", "--workflow-id destination/crm --name pause"},
			[]string{"--name resume", "configuration", "nobody else"},
			activities.Standing{},
		},
		"told by itself": {
			webhook.Standing{},
			true, true,
			[]string{"**Flowing**", "this workflow and nobody else", "in the order", "at most 30/m"},
			[]string{"workflows of webhooks"},
			activities.Standing{Own: true, Ordered: true, Rate: 0.5},
		},
		"gone": {
			webhook.Standing{Hold: gone},
			true, false,
			[]string{"**Held** since 2026-03-01 12:00:00 UTC: status 410.", "**What to do**: Take it out.", "to this one, which asks again at "},
			[]string{"in vain"},
			activities.Standing{Own: true},
		},
		"behind": {
			webhook.Standing{Owed: 5, Handed: 3, Oldest: noon},
			true, true,
			[]string{"**Flowing**", "owed: 5, the oldest since 2026-03-01 12:00:00 UTC", "this workflow: 3 of them", "or are parked: 2.", "being told"},
			[]string{"--name resume"},
			activities.Standing{},
		},
		"held": {
			webhook.Standing{Hold: trouble, Owed: 1, Handed: 1, Oldest: noon},
			true, false,
			[]string{"**Held** since 2026-03-01 12:00:00 UTC: status 503.", "2 times in vain", "again at 2026-03-01 12:00:20 UTC", "--name resume", "--name pause"},
			[]string{"being told"},
			activities.Standing{},
		},
		"paused": {
			webhook.Standing{Hold: operator},
			true, false,
			[]string{"**Paused** by ada since 2026-03-01 12:00:00 UTC: maintenance.\n", "--name resume"},
			[]string{"--name pause"},
			activities.Standing{},
		},
		"removed": {
			webhook.Standing{Hold: trouble, Owed: 1, Handed: 1, Oldest: noon},
			false, false,
			[]string{"**not in the configuration**"},
			nil,
			activities.Standing{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			standing := c.own
			standing.Standing, standing.Configured, standing.At = c.standing, c.configured, noon
			text := details(standing, c.draining, "pause by ada", "destination/crm")
			for _, want := range append(c.says, "Last command: pause by ada.", "As of 2026-03-01 12:00:00 UTC") {
				if !strings.Contains(text, want) {
					t.Errorf("does not say %q", want)
				}
			}
			for _, not := range c.not {
				if strings.Contains(text, not) {
					t.Errorf("says %q", not)
				}
			}
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}

// What somebody says makes no links or pictures in the details, which are Markdown.
func TestDetailsAreNoMarkup(t *testing.T) {
	hold := &webhook.Hold{Cause: webhook.ByOperator, Reason: "![x](https://evil.example/)", Actor: "<b>ada</b>"}
	text := details(activities.Standing{Standing: webhook.Standing{Hold: hold}}, false, "pause by [ada](https://evil.example/)", "destination/crm")
	if strings.Contains(text, "x](") || strings.Contains(text, "by <b>") || !strings.Contains(text, `pause by \[ada\](https://evil.example/)`) {
		t.Error(text)
	}
}

package main

import (
	"bytes"
	"strings"
	"testing"

	"holdfast/workflows"
)

// Whoever may start workflows in the namespace names them: what is listed speaks to no terminal.
func TestParkedSpeaksToNoTerminal(t *testing.T) {
	const odd = "a\x1b[2J\u202e"
	for _, state := range []*workflows.Status{nil, {
		Parked:     []workflows.Parked{{Webhook: odd, Source: odd, Problem: odd}},
		Deliveries: []workflows.Delivery{{Destination: odd, Stage: workflows.StageParked, Problem: odd}},
		Last:       &workflows.Last{Command: workflows.Command{Action: odd, Actor: odd}},
	}} {
		f := workflows.Found{ID: odd, Source: odd, Problem: odd, Accounts: []string{odd}, Events: []string{odd}}
		list := &parkedList{Total: 1, Workflows: []parkedWorkflow{{f, state}}, ByDestination: map[string]int64{odd: 1}}
		var out bytes.Buffer
		if err := list.print(&out); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(out.String(), "\x1b\u202e") || !strings.Contains(out.String(), "a?[2J?") {
			t.Errorf("%q", out.String())
		}
	}
}

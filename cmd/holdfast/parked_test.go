package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"holdfast/console"
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
		if err := list.print(&out, func(command string) string { return "holdfast " + command }); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(out.String(), "\x1b\u202e") || !strings.Contains(out.String(), "a?[2J?") {
			t.Errorf("%q", out.String())
		}
	}
}

// JSON says the same to programs, and speaks to no terminal either.
func TestJSONSpeaksToNoTerminal(t *testing.T) {
	const odd = "a\x1b\u009b2J\u202e \U000e0041 <é> \"\\\n"
	var out bytes.Buffer
	if err := printJSON(&out, []string{odd}); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.ContainsAny(text, "\x1b\u009b\u202e\U000e0041") || !strings.Contains(text, "é") {
		t.Errorf("%q", text)
	}
	var back []string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || len(back) != 1 || back[0] != odd {
		t.Errorf("%q, %v", back, err)
	}
	out.Reset()
	list := []console.Destination{{Name: "a\x1b[2J", Stage: "held", Reason: "b\x1b[2J", ToldOf: "c\x1b[2J"}}
	if err := printDestinations(&out, list, nil); err != nil || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%q, %v", out.String(), err)
	}
}

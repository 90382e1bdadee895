package workflows_test

import (
	"strings"
	"testing"
	"time"

	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// hostile is what somebody may say who may signal: lines, what speaks to a terminal, Markdown, and megabytes.
var hostile = "a\nb \x1b[2J\u202e ![x](https://evil.example/) " + strings.Repeat("long ", 500_000)

// What an operator says is kept on one line and short: every worker reads it before each attempt, and the details show it.
func TestOrdersAreKeptShort(t *testing.T) {
	m := newMooring(t)
	m.signal(time.Minute, workflows.Pause, workflows.Order{Actor: hostile, Reason: hostile})
	var hold *webhook.Hold
	m.after(time.Hour, func() { hold = m.standing.Hold })
	_ = m.run(2 * time.Hour) // cancelled
	if hold == nil {
		t.Fatal("it is not paused")
	}
	for _, text := range []string{hold.Actor, hold.Reason} {
		if !strings.HasPrefix(text, "a b [2J ![x](") || len(text) > 300 || strings.ContainsAny(text, "\n\x1b\u202e") {
			t.Errorf("kept are %d bytes: %.40q", len(text), text)
		}
	}
}

// A command that is ignored is kept as well, and is part of what the workflow returns in the end.
func TestCommandsAreKeptShort(t *testing.T) {
	w := newWorld(t)
	w.refuse = true
	w.after(time.Minute, workflows.Command{
		Action: workflows.Action(hostile), Destination: hostile, Park: hostile, Reason: hostile, Actor: hostile,
	}, wantStage(t, workflows.StageParked))
	var last *workflows.Last
	w.after(2*time.Minute, workflows.Command{Action: workflows.GiveUp}, func(s workflows.Status) { last = s.Last })
	w.run("a")
	if last == nil || last.Ignored == "" {
		t.Fatalf("last command %+v", last)
	}
	for _, text := range []string{string(last.Action), last.Destination, last.Park, last.Reason, last.Actor} {
		if len(text) > 300 {
			t.Errorf("kept are %d bytes: %.40q", len(text), text)
		}
	}
}

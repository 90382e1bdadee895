package chaos

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/webhook"
)

// ideal is a run in which nothing went wrong, as the rules have it and without any of Holdfast.
func ideal(s *script) *run {
	r := &run{
		script: s, tellings: map[string][]telling{}, acked: slices.Repeat([]time.Time{time.Now()}, len(s.deliveries)),
		patterns: map[string][]string{"crm": {"account.*", "contact.*"}, "all": {"*"}},
	}
	registers := map[[2]string]int{}
	now := time.Now()
	for i, e := range s.events {
		l := logged{id: fmt.Sprintf("evt_%04d", i), typ: e.typ, at: e.at, outcome: webhook.Fresh}
		if l.typ == "" {
			l.typ = webhook.Unrecognized
		}
		if e.entity != "" {
			register := [2]string{e.entity, e.aspect}
			before, known := registers[register]
			switch {
			case known && !later(e, s.events[before]):
				l.outcome = webhook.Late
			case known && e.value == s.events[before].value:
				l.outcome = webhook.Unchanged
				fallthrough
			default:
				registers[register] = i
			}
		}
		r.log = append(r.log, l)
		for destination := range r.patterns {
			if l.outcome.Told() && r.asks(destination, l.typ) {
				r.tellings[destination] = append(r.tellings[destination], telling{
					id: l.id, key: e.key, body: sha256.Sum256([]byte(l.id)), late: l.outcome == webhook.Late, at: now, answered: true,
				})
			}
		}
	}
	for register, i := range registers {
		e := s.events[i]
		r.facts = append(r.facts, fact{
			Entity: register[0], Aspect: register[1], Value: e.value, Time: e.at.UnixMicro(), Safety: int64(e.safety), Event: r.log[i].id,
		})
	}
	slices.SortFunc(r.facts, func(a, b fact) int { return strings.Compare(a.Entity+a.Aspect, b.Entity+b.Aspect) })
	return r
}

// TestCheck makes sure that the check is one that can fail: each promise is broken once.
func TestCheck(t *testing.T) {
	s := newScript(2, 200, time.Now().Add(-time.Hour).Truncate(time.Second))
	quiet := ideal(s)
	if v := check(quiet, quiet); len(v.problems) > 0 || v.lost > 0 || v.again > 0 {
		t.Fatalf("a run in which nothing went wrong has problems: %v", v.problems)
	}
	for _, tt := range []struct {
		name  string
		spoil func(r *run)
		lost  int
	}{
		{name: "not acknowledged", spoil: func(r *run) { r.acked[7] = time.Time{} }},
		{name: "not told", spoil: func(r *run) { r.tellings["all"] = r.tellings["all"][1:] }, lost: 1},
		{name: "tried and not told", spoil: func(r *run) { r.tellings["all"][5].answered = false }, lost: 1},
		{name: "not recorded", spoil: func(r *run) { r.log = slices.Delete(r.log, 3, 4) }, lost: 1},
		{name: "recorded twice", spoil: func(r *run) {
			l := r.log[3]
			l.id = "evt_x"
			r.log = append(r.log, l)
		}, lost: 1}, // under the other id it was not told
		{name: "told under two ids", spoil: func(r *run) {
			again := r.tellings["crm"][2]
			again.id = "evt_x"
			r.tellings["crm"] = append(r.tellings["crm"], again)
		}},
		{name: "told under the id of another", spoil: func(r *run) { r.tellings["crm"][2].key = r.tellings["crm"][3].key }},
		{name: "told again for no reason", spoil: func(r *run) { r.tellings["crm"] = append(r.tellings["crm"], r.tellings["crm"][2]) }},
		{name: "told what it does not ask for", spoil: func(r *run) {
			i := slices.IndexFunc(r.tellings["all"], func(t telling) bool { return strings.HasSuffix(t.id, r.log[0].id[4:]) })
			r.log[0].typ = webhook.PhoneAdded
			r.tellings["crm"] = append(r.tellings["crm"], r.tellings["all"][i])
		}},
		{name: "told in two versions", spoil: func(r *run) { r.tellings["crm"][2].body[0]++ }},
		{name: "told as late", spoil: func(r *run) { r.tellings["all"][2].late = true }},
		{name: "recorded as known without being so", spoil: func(r *run) { r.log[0].outcome = webhook.Unchanged }},
		{name: "another fact", spoil: func(r *run) { r.facts[2].Value = `"x"` }},
		{name: "a fact of another event", spoil: func(r *run) { r.facts[2].Event = r.facts[3].Event }},
		{name: "a fact missing", spoil: func(r *run) { r.facts = r.facts[1:] }},
		{name: "owed", spoil: func(r *run) { r.owed = []string{"crm by wh/x"} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := ideal(s)
			tt.spoil(r)
			if v := check(r, quiet); len(v.problems) == 0 || v.lost != tt.lost {
				t.Errorf("problems %v, %d lost, want %d", v.problems, v.lost, tt.lost)
			}
		})
	}
}

// TestTwice tells the three kinds of repetition apart.
func TestTwice(t *testing.T) {
	s := newScript(2, 50, time.Now().Add(-time.Hour).Truncate(time.Second))
	quiet := ideal(s)
	r := ideal(s)
	again := r.tellings["all"][0]
	r.tellings["all"][0].answered = false
	crashed := r.tellings["all"][1]
	r.tellings["all"] = append(r.tellings["all"], again, crashed)
	if v := check(r, quiet); v.again != 2 || v.unanswered != 1 || v.crashed != 0 || len(v.problems) != 1 {
		t.Errorf("without a crash: %+v", v)
	}
	r.crashes = []crash{{"worker-1", crashed.at.Add(time.Second), crashed.at.Add(2 * time.Second)}}
	if v := check(r, quiet); v.again != 2 || v.unanswered != 1 || v.crashed != 1 || len(v.problems) != 0 {
		t.Errorf("with a crash: %+v", v)
	}
}

// TestScript makes sure that a script has something of everything that the faults are to meet.
func TestScript(t *testing.T) {
	start := time.Now().Truncate(time.Second)
	s := newScript(1, 500, start)
	again, batches, ties := 0, 0, 0
	for _, d := range s.deliveries {
		if d.again {
			again++
		}
		if len(d.events) > 1 {
			batches++
		}
	}
	for i, e := range s.events[1:] {
		if e.at.Equal(s.events[i].at) {
			ties++
		}
	}
	if again < 30 || again > 80 || batches == 0 || ties == 0 {
		t.Errorf("of 500 webhooks %d are sent again, %d are batches, %d events are ties", again, batches, ties)
	}
	if n := len(s.quiet().deliveries); n != 500 {
		t.Errorf("on a quiet day %d webhooks are sent, want 500", n)
	}
	if other := newScript(1, 500, start); string(other.deliveries[99].body) != string(s.deliveries[99].body) {
		t.Error("the same seed makes another script")
	}
}

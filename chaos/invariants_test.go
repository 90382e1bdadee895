package chaos

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/webhook"
)

// A verdict is what the check of a run has found.
type verdict struct {
	problems []string // broken promises, each in a sentence
	told     int      // events told, counted once for each destination
	lost     int      // events of acknowledged webhooks of which somebody was not told, or that are not recorded at all
	again    int      // tellings on top of the first of an event, for each destination
	// Of those: because an attempt before was not answered, or because something was broken right after it.
	unanswered, crashed int
}

// A telling is noted when all events of a notification have been tried, which may take some seconds under load, and what was
// broken is mended only when its process has noticed.
const (
	notedWithin  = 8 * time.Second
	noticeWithin = 5 * time.Second
)

func (v *verdict) problem(format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

// report fails a test for each broken promise, up to a number that can be read.
func (v *verdict) report(t *testing.T) {
	t.Helper()
	const readable = 20
	for _, p := range v.problems[:min(len(v.problems), readable)] {
		t.Error(p)
	}
	if n := len(v.problems) - readable; n > 0 {
		t.Errorf("and %d more", n)
	}
}

// check compares a run that has settled with its script and with a quiet day; that itself is compared with the script only.
func check(r, quiet *run) *verdict {
	v := &verdict{}
	for i, at := range r.acked {
		if at.IsZero() {
			v.problem("webhook %d was never acknowledged", i)
		}
	}
	for _, owed := range r.owed {
		v.problem("still owed: %s", owed)
	}
	ids := v.checkLog(r)
	for _, destination := range slices.Sorted(maps.Keys(r.tellings)) {
		v.checkTold(r, ids, destination)
		v.checkView(r, ids, destination)
	}
	v.checkBytes(r)
	if quiet != nil {
		v.checkState(r, quiet)
	}
	return v
}

// checkLog compares the event log with the script: every event is there once, under one id, with an outcome that it may have.
// It returns the index in the log by id.
func (v *verdict) checkLog(r *run) map[string]int {
	ids, keys := make(map[string]int, len(r.log)), make(map[string]string, len(r.log))
	for i, l := range r.log {
		ids[l.id] = i
		key := correlate(l.typ, l.at)
		event, known := r.script.byKey[key]
		switch other, twice := keys[key]; {
		case !known:
			v.problem("%s (%s) of %s was recorded, and nobody sent it", l.id, l.typ, key)
			continue
		case twice:
			v.problem("the event of %s was recorded as %s and as %s", key, other, l.id)
		}
		keys[key] = l.id
		if t := r.script.events[event].typ; t != "" && t != l.typ {
			v.problem("%s is a %s, want a %s", l.id, l.typ, t)
		}
		switch {
		case l.outcome == webhook.Fresh, l.outcome == webhook.Late:
		case l.outcome == webhook.Unchanged && r.script.mayBeUnchanged(event):
		default:
			v.problem("%s (%s) was recorded as %s", l.id, l.typ, l.outcome)
		}
	}
	for _, e := range r.script.events {
		if keys[e.key] == "" {
			v.lost++
			v.problem("lost: the event of %s was not recorded", e.key)
		}
	}
	return ids
}

// checkTold compares what one destination was told with the log: everything it asks for, nothing else, under the one id, and
// more than once only where that is explained.
func (v *verdict) checkTold(r *run, ids map[string]int, destination string) {
	told := map[string][]telling{}
	for _, t := range r.tellings[destination] {
		told[t.id] = append(told[t.id], t)
		i, recorded := ids[t.id]
		if !recorded {
			v.problem("%s was told %s, which is not recorded", destination, t.id)
			continue
		}
		l := r.log[i]
		switch {
		case t.key != correlate(l.typ, l.at):
			v.problem("%s was told the event of %s under the id of the event of %s", destination, t.key, correlate(l.typ, l.at))
		case !l.outcome.Told():
			v.problem("%s was told %s, which is %s", destination, t.id, l.outcome)
		case !r.asks(destination, l.typ):
			v.problem("%s was told of %s, for which it does not ask", destination, l.typ)
		case t.late != (l.outcome == webhook.Late):
			v.problem("%s was told %s as late=%v, and it is recorded as %s", destination, t.id, t.late, l.outcome)
		}
	}
	for _, l := range r.log {
		if !l.outcome.Told() || !r.asks(destination, l.typ) {
			continue
		}
		tellings := told[l.id]
		if !slices.ContainsFunc(tellings, func(t telling) bool { return t.answered }) {
			v.lost++
			v.problem("lost: %s was not told %s (%s)", destination, l.id, l.typ)
			continue
		}
		v.told++
		for _, before := range tellings[:len(tellings)-1] {
			v.again++
			switch {
			case !before.answered:
				v.unanswered++
			case r.excused(before.at):
				v.crashed++
			default:
				v.problem("%s was told %s again, although it had answered at %s", destination, l.id, before.at.Format(time.TimeOnly))
			}
		}
	}
}

// excused reports whether something was broken before a telling could be noted.
func (r *run) excused(at time.Time) bool {
	return slices.ContainsFunc(r.crashes, func(c crash) bool {
		return at.After(c.from.Add(-notedWithin)) && at.Before(c.until.Add(noticeWithin))
	})
}

// checkView makes sure that a destination that goes by the times of events, and passes over those that are marked late, knows
// what the state knows of everything it asks for.
func (v *verdict) checkView(r *run, ids map[string]int, destination string) {
	latest := map[[2]string]int{} // index in the script by entity and aspect
	for _, t := range r.tellings[destination] {
		event, known := r.script.byKey[t.key]
		if !known || t.late || !t.answered {
			continue
		}
		e := r.script.events[event]
		if e.entity == "" {
			continue
		}
		register := [2]string{e.entity, e.aspect}
		if before, heard := latest[register]; !heard || later(e, r.script.events[before]) {
			latest[register] = event
		}
	}
	scripted := map[[2]string]bool{}
	for _, e := range r.script.events {
		scripted[[2]string{e.entity, e.aspect}] = true
	}
	known := map[[2]string]string{}
	for _, f := range r.facts {
		register := [2]string{f.Entity, f.Aspect}
		if i, ok := ids[f.Event]; ok && scripted[register] && r.asks(destination, r.log[i].typ) {
			known[register] = canonical(f.Value)
		}
	}
	for register, value := range known {
		event, heard := latest[register]
		if !heard || r.script.events[event].value != value {
			v.problem("%s does not know what the state knows of the %s of %s", destination, register[1], register[0])
		}
	}
}

func later(a, b scripted) bool {
	return a.at.After(b.at) || a.at.Equal(b.at) && a.safety > b.safety
}

// checkBytes makes sure that an event is the same, byte for byte, whenever and to whomever it is told.
func (v *verdict) checkBytes(r *run) {
	first := map[string]telling{}
	for _, tellings := range r.tellings {
		for _, t := range tellings {
			if other, ok := first[t.id]; !ok {
				first[t.id] = t
			} else if other.body != t.body {
				v.problem("%s was told in two versions", t.id)
			}
		}
	}
}

// checkState compares with the quiet day: the same events under the same ids, and the same facts. Outcomes may differ,
// because webhooks overtake each other; which are allowed is checked already.
func (v *verdict) checkState(r, quiet *run) {
	events := func(log []logged) []logged {
		out := slices.Clone(log)
		for i := range out {
			out[i].outcome = ""
		}
		return out
	}
	if diff := cmp.Diff(events(quiet.log), events(r.log), cmp.AllowUnexported(logged{})); diff != "" {
		v.problem("the event log is not that of a quiet day (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(quiet.facts, r.facts); diff != "" {
		v.problem("the facts are not those of a quiet day (-want +got):\n%s", diff)
	}
}
